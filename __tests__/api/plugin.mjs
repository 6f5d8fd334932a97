// typedoc calls a module that is one function `export=`, and its types a namespace of that name with links to them.
// Here the function has its own name, its types stand beside it, and the main module is called what users import.

import { Converter, PageEvent, ReflectionKind } from 'typedoc'

const NAMES = { index: 'spillway', pino: 'transport', prometheus: 'collectMetrics' }

/** @param {import('typedoc').Application} app */
export function load (app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      if (reflection.kindOf(ReflectionKind.Namespace)) project.removeReflection(reflection)
      else if (reflection.name === 'export=') reflection.name = NAMES[reflection.parent.name] ?? NAMES[reflection.parent.parent.name]
      else if (reflection.name === 'index') reflection.name = NAMES.index
    }
  })
  // As .editorconfig has it.
  app.renderer.on(PageEvent.END, page => { page.contents = page.contents.replace(/ +$/gm, '') })
}
