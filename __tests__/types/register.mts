// The module for a whole program: for its effect, and by its names.

import 'spillway/register'
import { register, unregister } from 'spillway/register'

const off: void = unregister()
const on: void = register()
console.log(off, on)

// @ts-expect-error It takes nothing.
register({ highWaterMark: 1 })
