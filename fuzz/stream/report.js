'use strict'

// How a difference is told: what is common in short, and both sides where they part.

/** Lines of what is common before and behind. */
const AROUND = 3

/**
 * @param {string[]} stock
 * @param {string[]} ours
 * @returns {string} the lines that only one side has, and some around them
 */
function diff (stock, ours) {
  const lines = align(stock, ours)
  const isNear = at => lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(([sign]) => sign !== ' ')
  return lines.filter((line, at) => isNear(at)).map(([sign, line]) => `  ${sign} ${line}`).join('\n')
}

/** @returns {[string, string][]} all lines, each with ' ', '-' for stock's alone, '+' for ours */
function align (stock, ours) {
  // lengths[i][j]: how many lines stock from i on and ours from j on have in common, in order.
  const lengths = Array.from({ length: stock.length + 1 }, () => new Uint16Array(ours.length + 1))
  for (let i = stock.length - 1; i >= 0; i--) {
    for (let j = ours.length - 1; j >= 0; j--) {
      lengths[i][j] = stock[i] === ours[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1])
    }
  }
  const lines = []
  let [i, j] = [0, 0]
  while (i < stock.length || j < ours.length) {
    if (i < stock.length && stock[i] === ours[j]) {
      lines.push([' ', stock[i++]])
      j++
    } else if (j === ours.length || (i < stock.length && lengths[i + 1][j] >= lengths[i][j + 1])) lines.push(['-', stock[i++]])
    else lines.push(['+', ours[j++]])
  }
  return lines
}

/**
 * What kind of difference it is, so that many can be counted.
 * @param {string[]} stock
 * @param {string[]} ours
 * @returns {string} what the first line that differs says on both sides, without numbers
 */
function kindOf (stock, ours) {
  let at = 0
  while (stock[at] === ours[at]) at++
  const [one, other] = [stock[at], ours[at]].map(line => (line ?? 'nothing').split(' | '))
  if (one[0] !== other[0]) return `${general(one[0])} <> ${general(other[0])}`
  const words = one[1]?.split(' ') ?? []
  const others = other[1]?.split(' ') ?? []
  const parted = [...words.filter(word => !others.includes(word)), '<>', ...others.filter(word => !words.includes(word))]
  return `at ${general(one[0])}: ${general(parted.join(' '))}`
}

const general = text => text.replace(/ in (undefined|action \d+)$/, '').replace(/bytes .*/, 'bytes').replace(/-?\d+/g, 'n').slice(0, 90)

module.exports = { diff, kindOf }
