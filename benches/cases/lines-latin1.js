'use strict'

const { ALL, loop } = require('../producers.js')

const text = 'Füße, Çedille, ñandú, señor, Ångström, oeuvre without ligature: all of it in one byte each, äöü.......\n'

module.exports = {
  title: 'latin1 strings of 103 characters',
  period: Buffer.from(text, 'latin1'),
  count: 2_000_000,
  peers: ALL,
  run: (out, { count }) => loop(out, () => text, count, 'latin1')
}
