// Figures and outcomes in words.

const UNITS = ['B', 'KiB', 'MiB', 'GiB']

/** 1536 is '1.5 KiB'. */
export function bytes (value) {
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const isWhole = unit === 0 || value >= 100 || Number.isInteger(value)
  return `${value.toFixed(isWhole ? 0 : 1)} ${UNITS[unit]}`
}

export const count = value => value.toLocaleString('en')

export const milliseconds = value => value < 1000 ? `${Math.round(value)} ms` : seconds(value)

export const seconds = value => `${(value / 1000).toFixed(1)} s`

export const NAMES = { node: 'Node’s stream', spillway: 'spillway' }

/** Why a process came to its end. */
const ENDS = {
  ended: () => 'ended',
  failed: ({ code }) => `failed with ${code}`,
  destroyed: () => 'was destroyed, and ended',
  memory: (result, memory) => `stopped at ${bytes(memory)} of memory`,
  time: () => 'did not end, and was stopped',
  silent: () => 'hung, and was stopped',
  crashed: ({ code }) => `crashed (${code})`,
  closed: () => 'stopped by you'
}

export function end (result, memory) {
  return ENDS[result.kind](result, memory)
}

export function loss ({ lost, accepted }) {
  if (lost === 0) return 'nothing is lost'
  if (lost === accepted) return `all ${bytes(lost)} are lost`
  return `${bytes(lost)} of ${bytes(accepted)} are lost`
}

/** What a select shows for a value of a knob. */
export const CHOICES = {
  mark: value => value === 'default' ? 'each one’s default' : bytes(value),
  chunk: bytes,
  speed: value => value === 'disk' ? 'a file, as fast as the disk' : `a reader, ${bytes(value)}/s`,
  limit: value => value === 'none' ? 'no limit' : '16 MiB: write() waits'
}
