'use strict'

// What a 64-bit little-endian ELF file says of itself: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html

const SYMTAB = 2
const GNU_VERNEED = 0x6ffffffe

/** @returns {{ type: number, link: number, bytes: Buffer }[]} the section headers, each with what it points to */
function sections (file) {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) throw new Error('not a 64-bit little-endian ELF file')
  const start = Number(file.readBigUInt64LE(0x28))
  const size = file.readUInt16LE(0x3a)
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => {
    const header = file.subarray(start + index * size, start + (index + 1) * size)
    const offset = Number(header.readBigUInt64LE(0x18))
    const bytes = file.subarray(offset, offset + Number(header.readBigUInt64LE(0x20)))
    return { type: header.readUInt32LE(4), link: header.readUInt32LE(0x28), bytes }
  })
}

/** Whether the symbols of debuggers and linkers are still in it. */
function hasSymbols (file) {
  return sections(file).some(({ type }) => type === SYMTAB)
}

/** @returns {string[]} the versions of symbols that it needs of other libraries, like GLIBC_2.17 */
function neededVersions (file) {
  const all = sections(file)
  const needs = all.find(({ type }) => type === GNU_VERNEED)
  if (needs === undefined) return []
  const names = all[needs.link].bytes
  const nameAt = offset => names.toString('latin1', offset, names.indexOf(0, offset))
  const found = []
  // A list of libraries, each with a list of versions; every entry says how far away the next is, 0: none.
  for (let library = 0, next = -1; next !== 0; library += next) {
    let version = library + needs.bytes.readUInt32LE(library + 8)
    for (let left = needs.bytes.readUInt16LE(library + 2); left > 0; left--) {
      found.push(nameAt(needs.bytes.readUInt32LE(version + 8)))
      version += needs.bytes.readUInt32LE(version + 12)
    }
    next = needs.bytes.readUInt32LE(library + 12)
  }
  return found
}

module.exports = { hasSymbols, neededVersions }
