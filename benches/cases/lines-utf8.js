'use strict'

const { STRINGS, repeat } = require('../producers.js')

module.exports = repeat('Быстрая лиса прыгает через ленивую собаку, 色は匂へど散りぬるを\n', 2_000_000, {
  title: 'lines of non-Latin text',
  peers: [...STRINGS, 'memory']
})
