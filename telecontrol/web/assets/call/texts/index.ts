/**
 * The words of the call. A language is one file beside this one, named for its code and typed by `shape.ts`: the builder takes
 * in whatever is there, so that nothing else is changed for a new one. A page may hand in its own words for any of them.
 */
import type { Texts } from "./shape";

export type { RoleTexts, TestTexts, Texts } from "./shape";

/** Of the builder: every file of this folder whose name fits. */
declare function require(name: string): { texts: Texts };

/** The language that pages are written in, for those that have no file. */
const SOURCE_LANGUAGE = "fr";

/** The words in a language ("en", "en-GB"), else in French. */
export function textsIn(language: string): Texts {
  const code = /^[a-z]{2,3}/.exec(language.toLowerCase())?.[0] ?? SOURCE_LANGUAGE;
  try {
    return require(`./${code}.ts`).texts;
  } catch {
    return require(`./${SOURCE_LANGUAGE}.ts`).texts;
  }
}

/** `text` with `{name}` replaced. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
