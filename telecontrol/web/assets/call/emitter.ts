/** Typed events without the DOM. */
export class Emitter<Events> {
  private readonly listeners = new Map<keyof Events, Set<(detail: never) => void>>();

  /** Listen; the answer stops it. */
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void {
    const known = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, known);
    known.add(listener as (detail: never) => void);
    return () => known.delete(listener as (detail: never) => void);
  }

  protected emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      (listener as (detail: Events[Name]) => void)(detail);
    }
  }
}
