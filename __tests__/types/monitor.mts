// The table of the open streams: for its effect, and by its names.

import 'spillway/monitor'
import { start, stop } from 'spillway/monitor'

const off: void = stop()
const on: void = start()
console.log(off, on)

// @ts-expect-error The interval comes from the environment.
start(1000)
