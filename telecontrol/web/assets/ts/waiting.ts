/**
 * The doctor is told that somebody waits: the number goes to the tab's title, and a short ring sounds when it grows.
 * The page carries it as data-waiting="2"; whatever refreshes that part of the page refreshes the title.
 */
const NOTE_HZ = 880;
const NOTE_SECONDS = 0.35;

function ring(): void {
  try {
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = NOTE_HZ;
    volume.gain.setValueAtTime(0.12, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + NOTE_SECONDS);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + NOTE_SECONDS);
    tone.onended = () => void audio.close();
  } catch {
    // A browser that refuses sound before a first press still shows the number.
  }
}

export function startWaitingBadge(): void {
  const title = document.title;
  let known: number | null = null;
  const show = (): void => {
    const stated = document.querySelector<HTMLElement>("[data-waiting]")?.dataset.waiting;
    if (stated === undefined) return;
    const count = Number(stated);
    document.title = count > 0 ? `(${count}) ${title}` : title;
    if (known !== null && count > known) ring();
    known = count;
  };
  show();
  document.body.addEventListener("htmx:afterSettle", show);
}
