/** The parts of the call that need no browser: bundled and run by Node (tests/video/test_call_core.py). */
import assert from "node:assert/strict";
import { test } from "node:test";

import { isInApp, nameProblem, unavailable } from "../../telecontrol/web/assets/call/devices";
import { loudness, SilenceWatch } from "../../telecontrol/web/assets/call/levels";
import { begin, reduce, stateOf, type Facts, type Input } from "../../telecontrol/web/assets/call/machine";
import { ofPeer } from "../../telecontrol/web/assets/call/hints";
import { noticeOf, problemNotice, qualityWord } from "../../telecontrol/web/assets/call/notices";
import { known } from "../../telecontrol/web/assets/call/preferences";
import { Judge, type Expected } from "../../telecontrol/web/assets/call/quality";
import { fill, textsIn } from "../../telecontrol/web/assets/call/texts";
import { Thrift } from "../../telecontrol/web/assets/call/thrift";
import type { CallState, Media, Peer, PeerState, Problem, Quality, Role } from "../../telecontrol/web/assets/call/types";

// Every file of the folder is a language; the test that runs this one says which there are.
const LANGUAGES = (process.env.CALL_LANGUAGES ?? "fr en").split(" ");
const TEXTS = Object.fromEntries(LANGUAGES.map((code) => [code, textsIn(code)]));

const BOTH: Media = { audio: true, video: true, wantsVideo: true };
const peer = (state: PeerState, hasLeft = false): Input => ({ type: "peer", peer: { state, since: "2026-03-02T09:02:00Z", media: BOTH, hasLeft } as Peer });
const START: Input = { type: "start" };
const UP: Input = { type: "link", up: true };
const DOWN: Input = { type: "link", up: false };
const LIVE: Input = { type: "quality", quality: "live" };
const STILL: Input = { type: "quality", quality: "none" };
const welcome = (isAdmitted: boolean): Input => ({ type: "welcome", isAdmitted });
const NEGOTIATING: Input = { type: "negotiating", attempt: 0 };

function path(role: Role, ...inputs: Input[]): CallState[] {
  let facts: Facts = begin(role);
  const states: CallState[] = [stateOf(facts)];
  for (const input of inputs) {
    facts = reduce(facts, input);
    const state = stateOf(facts);
    if (state !== states.at(-1)) states.push(state);
  }
  return states;
}

test("the insured's usual path", () => {
  const states = path("insured", START, UP, welcome(false), peer("here"), { type: "admitted" }, NEGOTIATING, { type: "transport", connected: true }, LIVE, { type: "ended", reason: "finished" });
  assert.deepEqual(states, ["idle", "connecting", "waiting", "admitted", "connected", "live", "ended"]);
});

test("the doctor's usual path", () => {
  const states = path("doctor", START, UP, welcome(true), peer("waiting"), { type: "admitted" }, peer("here"), NEGOTIATING, LIVE, STILL, peer("absent", true));
  assert.deepEqual(states, ["idle", "connecting", "waiting", "admitted", "live", "reconnecting", "waiting"]);
});

const IN_CALL = [START, UP, welcome(true), peer("here"), NEGOTIATING, LIVE];

test("a lost socket changes nothing while the picture moves", () => {
  assert.equal(path("insured", ...IN_CALL, DOWN).at(-1), "live");
  assert.equal(path("insured", ...IN_CALL, DOWN, STILL).at(-1), "reconnecting");
  assert.equal(path("insured", ...IN_CALL, peer("absent")).at(-1), "live");
});

test("a lost socket in the waiting room is told, and polling tells better", () => {
  assert.equal(path("insured", START, UP, welcome(false), DOWN).at(-1), "reconnecting");
  assert.equal(path("insured", START, UP, welcome(false), DOWN, { type: "polled", isAdmitted: false }).at(-1), "waiting");
  assert.equal(path("insured", START, { type: "polled", isAdmitted: false }).at(-1), "waiting");
});

test("the other one reloading is a reconnection, leaving is not", () => {
  assert.equal(path("doctor", ...IN_CALL, peer("away"), STILL).at(-1), "reconnecting");
  assert.equal(path("doctor", ...IN_CALL, peer("absent", true)).at(-1), "waiting");
  assert.equal(path("insured", ...IN_CALL, peer("absent", true)).at(-1), "admitted");
});

test("whoever comes back after leaving waits again, whatever was before", () => {
  assert.equal(path("insured", ...IN_CALL, STILL, welcome(false)).at(-1), "waiting");
  assert.equal(path("insured", ...IN_CALL, { type: "ended", reason: "left" }, START).at(-1), "connecting");
});

test("who chooses camera and microphone has arrived, whatever the doctor does meanwhile", () => {
  const choosing: Input = { type: "start", isChoosing: true };
  const settled: Input = { type: "settled" };
  assert.deepEqual(path("insured", choosing, UP, welcome(false), { type: "delay", minutes: 5 }, settled), ["idle", "devices", "waiting"]);
  assert.deepEqual(path("insured", choosing, UP, welcome(false), { type: "admitted" }, settled), ["idle", "devices", "admitted"]);
  assert.equal(path("insured", choosing, UP, welcome(false), { type: "ended", reason: "closed" }).at(-1), "ended");
});

test("a failed call begins again with the next attempt", () => {
  const failed: Input = { type: "failed", reason: "no_media" };
  assert.deepEqual(path("doctor", ...IN_CALL, STILL, failed, NEGOTIATING, LIVE).slice(-3), ["failed", "admitted", "live"]);
});

test("every state has words in both languages, and a way on where there is one", () => {
  const cases: [CallState, Input[]][] = [
    ["idle", []],
    ["devices", [{ type: "start", isChoosing: true }, UP, welcome(false)]],
    ["connecting", [START]],
    ["waiting", [START, UP, welcome(false)]],
    ["live", IN_CALL],
    ["poor", [...IN_CALL, { type: "quality", quality: "poor" }]],
    ["reconnecting", [...IN_CALL, STILL]],
    ["takeover", [...IN_CALL, { type: "takeover" }]],
    ["ended", [...IN_CALL, { type: "ended", reason: "finished" }]],
    ["failed", [...IN_CALL, { type: "failed", reason: "no_media" }]],
  ];
  for (const texts of Object.values(TEXTS)) {
    for (const [state, inputs] of cases) {
      const facts = inputs.reduce(reduce, begin("insured"));
      assert.equal(stateOf(facts), state);
      const notice = noticeOf(state, facts, texts, "fr-FR");
      assert.ok(notice.status.length > 3, state);
      assert.equal(notice.acts.length > 0, ["idle", "takeover", "ended", "failed"].includes(state), state);
    }
  }
});

test("a technical failure is said not to be held against the insured", () => {
  const facts = [...IN_CALL, { type: "failed", reason: "no_media" } as Input].reduce(reduce, begin("insured"));
  assert.match(noticeOf("failed", facts, textsIn("fr"), "fr").text, /ne vous sera pas reproché/);
});

test("the doctor sees since when somebody waits, and may let them in", () => {
  const facts = [START, UP, welcome(true), peer("waiting")].reduce(reduce, begin("doctor"));
  const notice = noticeOf("waiting", facts, textsIn("fr"), "fr-FR");
  assert.match(notice.title ?? "", /^L’assuré attend depuis \d\d h \d\d$/);
  assert.deepEqual(notice.acts, ["admit", "later5", "later10"]);
});

test("who left is not said to be still expected, and who has not settled their camera is said to be doing so", () => {
  const left = [...IN_CALL, peer("absent", true)].reduce(reduce, begin("doctor"));
  assert.equal(noticeOf("waiting", left, textsIn("fr"), "fr-FR", "Europe/Paris").title, "L’assuré a quitté l’appel à 10 h 02");
  // Gone without a word, after the grace: since when is known, and they are not "not there yet" either.
  const gone = [...IN_CALL, STILL, peer("absent")].reduce(reduce, begin("doctor"));
  assert.match(noticeOf("waiting", gone, textsIn("en"), "en-GB", "Indian/Reunion").title ?? "", /left the call at 13:02/);
  const nobody: Input = { type: "peer", peer: { state: "absent", since: null, media: BOTH, hasLeft: false } };
  assert.match(noticeOf("waiting", [START, UP, welcome(true), nobody].reduce(reduce, begin("doctor")), textsIn("fr"), "fr").title ?? "", /pas encore là/);
  const choosing: Input = { type: "peer", peer: { state: "waiting", since: null, media: BOTH, hasLeft: false, isReady: false } };
  const facts = [START, UP, welcome(true), choosing].reduce(reduce, begin("doctor"));
  assert.match(noticeOf("waiting", facts, textsIn("fr"), "fr").text, /règle sa caméra/);
});

test("a call that the doctor ended says what comes next, and coming back is second", () => {
  const facts = [...IN_CALL, { type: "ended", reason: "finished" } as Input].reduce(reduce, begin("insured"));
  const notice = noticeOf("ended", facts, textsIn("fr"), "fr");
  assert.match(notice.text, /rédige sa conclusion/);
  assert.deepEqual(notice.acts, ["home", "rejoin"]);
});

test("hours are those of the zone that is given, whatever the browser's", () => {
  const facts = [START, UP, welcome(true), peer("waiting")].reduce(reduce, begin("doctor"));
  const title = (zone: string) => noticeOf("waiting", facts, textsIn("fr"), "fr-FR", zone).title;
  assert.deepEqual([title("Europe/Paris"), title("America/Martinique")], ["L’assuré attend depuis 10 h 02", "L’assuré attend depuis 05 h 02"]);
});

test("a dead way leads to the telephone first", () => {
  for (const role of ["insured", "doctor"] as const) {
    const facts = [START, { type: "failed", reason: "no_media" } as Input].reduce(reduce, begin(role));
    assert.deepEqual(noticeOf("failed", facts, textsIn("fr"), "fr").acts, ["call", "retry"]);
  }
});

test("the connection has a word while there is one to speak of", () => {
  const level = (state: CallState, isSaving = false) => qualityWord(state, isSaving, textsIn("fr"))?.level ?? null;
  assert.deepEqual([level("waiting"), level("live"), level("poor"), level("live", true), level("reconnecting")], [null, "good", "weak", "sound", null]);
});

test("a delay is told to who waits", () => {
  const facts = [START, UP, welcome(false), { type: "delay", minutes: 10 } as Input].reduce(reduce, begin("insured"));
  assert.match(noticeOf("waiting", facts, textsIn("en-GB"), "en").text, /about 10 minutes/);
});

test("every language says the same things", () => {
  const shape = (value: unknown): unknown =>
    typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)])) : typeof value;
  const names = (value: unknown) => [...JSON.stringify(value).matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
  for (const texts of Object.values(TEXTS)) {
    assert.deepEqual(shape(texts), shape(textsIn("fr")));
    assert.deepEqual(names(texts), names(textsIn("fr")));
  }
  assert.notEqual(textsIn("en").leave, textsIn("fr").leave);
  assert.equal(textsIn("xx"), textsIn("fr"), "a language without a file is read in French");
  assert.equal(fill("dans {minutes} min, {unknown}", { minutes: 5 }), "dans 5 min, {unknown}");
});

test("in French no line begins with a sign that belongs to the one before", () => {
  assert.doesNotMatch(JSON.stringify(textsIn("fr")), / [:;!?»]|« /);
});

// Judging the picture.

const SEEN: Expected = { video: true, audio: true, isExcused: false, isConnected: true };

function verdicts(expected: Expected, samples: [second: number, frames: number, audio?: number, lost?: number, received?: number][]) {
  const judge = new Judge(0);
  return samples.map(([second, frames, audio = 0, lost = 0, received = 0]) =>
    judge.judge({ at: second * 1000, frames, audioPackets: audio, lost, received }, expected),
  );
}

test("the first decoded frame is a live picture; connected without one is not", () => {
  assert.deepEqual(verdicts(SEEN, [[0.5, 0, 40], [1, 1, 60]]), ["none", "live"]);
});

test("eight seconds without a frame end the attempt, not before", () => {
  assert.deepEqual(verdicts(SEEN, [[3.9, 0], [7.9, 0], [8, 0]]), ["none", "none", "dead"]);
});

test("a picture that stands still is poor, then dead, and live again when it moves", () => {
  assert.deepEqual(verdicts(SEEN, [[1, 10], [3.9, 10], [4, 10], [6, 12]]), ["live", "live", "poor", "live"]);
  assert.deepEqual(verdicts(SEEN, [[1, 10], [5, 10], [9, 10]]), ["live", "poor", "dead"]);
});

test("without a picture sound is enough, and with nothing sent the connection is", () => {
  assert.deepEqual(verdicts({ ...SEEN, video: false }, [[1, 0, 0], [2, 0, 10]]), ["none", "live"]);
  assert.deepEqual(verdicts({ ...SEEN, video: false, audio: false, isConnected: false }, [[1, 0]]), ["none"]);
  assert.deepEqual(verdicts({ ...SEEN, video: false, audio: false }, [[1, 0], [20, 0]]), ["live", "live"]);
});

test("a hidden page and a page that slept blame nobody", () => {
  assert.deepEqual(verdicts({ ...SEEN, isExcused: true }, [[1, 10], [5, 10], [9, 10], [13, 10]]).at(-1), "live");
  assert.deepEqual(verdicts(SEEN, [[1, 10], [60, 10], [62, 10]]), ["live", "live", "live"]);
});

test("a network too narrow for the picture that is sent is poor", () => {
  const judge = new Judge(0);
  const at = (second: number, outgoing: number | undefined, isSendingVideo: boolean) =>
    judge.judge({ at: second * 1000, frames: second * 20, audioPackets: 0, lost: 0, received: second * 100, outgoing }, { ...SEEN, isSendingVideo });
  assert.deepEqual([at(1, 300_000, true), at(2, 40_000, true), at(3, 40_000, false), at(4, undefined, true)], ["live", "poor", "live", "live"]);
});

test("losing a tenth of what is sent is poor", () => {
  const smooth = verdicts(SEEN, [[1, 10, 0, 0, 100], [2, 40, 0, 2, 200], [3, 70, 0, 4, 300]]);
  assert.deepEqual(smooth, ["live", "live", "live"]);
  const rough = verdicts(SEEN, [[1, 10, 0, 0, 100], [2, 40, 0, 60, 140], [3, 70, 0, 120, 180]]);
  assert.deepEqual(rough, ["live", "poor", "poor"]);
});

// Devices.

const around = { isSecure: true, hasApi: true, userAgent: "Mozilla/5.0 Chrome/156 Safari/537.36", isDenied: false };

test("each reason for having no camera has its own word", () => {
  const table: [string, string, Problem][] = [
    ["NotAllowedError", "Permission denied", "refused_by_browser"],
    ["NotAllowedError", "Permission denied by system", "refused_by_system"],
    ["NotReadableError", "Could not start video source", "device_busy"],
    ["AbortError", "Starting videoinput failed", "device_busy"],
    ["NotFoundError", "Requested device not found", "no_device"],
    ["OverconstrainedError", "", "no_device"],
    ["SecurityError", "", "refused_by_browser"],
    ["TypeError", "", "other"],
  ];
  for (const [name, message, expected] of table) assert.equal(nameProblem({ name, message }, around), expected, name);
});

test("a page without the camera's interface: insecure, inside an app, or too old", () => {
  const without = { ...around, hasApi: false };
  assert.equal(unavailable(around), null);
  assert.equal(unavailable({ ...without, isSecure: false }), "insecure_context");
  assert.equal(unavailable(without), "unsupported");
  const facebook = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS]";
  assert.equal(unavailable({ ...without, userAgent: facebook }), "in_app_browser");
  assert.equal(unavailable({ ...without, isRecent: true }), "in_app_browser", "a new browser without a camera is inside something");
  assert.equal(unavailable({ ...without, isRecent: true, isSecure: false }), "insecure_context");
  assert.equal(nameProblem({ name: "NotAllowedError", message: "" }, { ...around, userAgent: facebook }), "in_app_browser");
});

test("in-app browsers are known, ordinary ones are not mistaken for them", () => {
  const inside = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 300.0",
  ];
  const outside = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
  ];
  for (const agent of inside) assert.ok(isInApp(agent), agent);
  for (const agent of outside) assert.ok(!isInApp(agent), agent);
});

// Giving up pictures.

/** What is done, second by second, in a network of this quality. */
function thrifty(thrift: Thrift, quality: Quality, seconds: number, from: number, isSaving = false) {
  for (let second = 0; second < seconds; second += 1) {
    const todo = thrift.see(quality, (from + second) * 1000, isSaving);
    if (todo !== null) return [todo, second] as const;
  }
  return [null, seconds] as const;
}

test("a picture that stays poor is given up, a bad moment is not", () => {
  const thrift = new Thrift();
  assert.deepEqual(thrifty(thrift, "live", 5, 0), [null, 5]);
  assert.deepEqual(thrifty(thrift, "poor", 5, 5), [null, 5]);
  assert.deepEqual(thrifty(thrift, "live", 20, 10), [null, 20]);
  const [todo, after] = thrifty(thrift, "poor", 60, 30);
  assert.equal(todo, "save");
  assert.ok(after >= 7 && after <= 9, String(after));
});

test("bad and good in turns add up when bad prevails", () => {
  const thrift = new Thrift();
  const seen = Array.from({ length: 40 }, (_, second) => thrift.see(second % 3 === 0 ? "live" : "poor", second * 1000, false));
  assert.ok(seen.includes("save"));
});

test("the picture is tried again by itself, later each time that it fails", () => {
  const thrift = new Thrift();
  const waits: number[] = [];
  for (let turn = 0, now = 0; turn < 3; turn += 1) {
    now += thrifty(thrift, "poor", 60, now)[1] + 1;
    const [todo, after] = thrifty(thrift, "live", 600, now, true);
    assert.equal(todo, "try");
    waits.push(after);
    now += after + 1;
  }
  assert.ok(waits[0]! >= 29 && waits[0]! <= 31, String(waits));
  assert.ok(waits[1]! > waits[0]! * 1.8 && waits[2]! > waits[1]! * 1.8, String(waits));
});

test("no picture is tried while the sound itself is poor, nor counted while the page slept", () => {
  assert.deepEqual(thrifty(new Thrift(), "poor", 300, 0, true), [null, 300]);
  const thrift = new Thrift();
  assert.equal(thrift.see("poor", 0, false), null);
  assert.equal(thrift.see("poor", 600_000, false), null);
});

test("who asks for the picture back keeps it longer", () => {
  const thrift = new Thrift();
  thrift.indulge();
  const [todo, after] = thrifty(thrift, "poor", 60, 0);
  assert.equal(todo, "save");
  assert.ok(after >= 19, String(after));
});

// What was chosen last time.

test("a device is known again by its id, else by its name, else not at all", () => {
  const present = [{ deviceId: "a", label: "Front" }, { deviceId: "b", label: "Back" }];
  assert.equal(known({ id: "b", label: "x" }, present)?.deviceId, "b");
  assert.equal(known({ id: "stale", label: "Back" }, present)?.deviceId, "b");
  assert.equal(known({ id: "stale", label: "Gone" }, present), undefined);
  assert.equal(known({ id: "", label: "" }, [{ deviceId: "", label: "" }]), undefined);
  assert.equal(known(undefined, present), undefined);
});

test("what is said of the other side", () => {
  const other = (media: Partial<Media>): Peer => ({ state: "here", since: null, hasLeft: false, media: { ...BOTH, ...media } });
  const words = textsIn("fr");
  assert.deepEqual(ofPeer(other({}), BOTH, words), []);
  assert.deepEqual(ofPeer(other({ video: false, audio: false }), BOTH, words), ["Caméra coupée", "Micro coupé"]);
  assert.deepEqual(ofPeer(other({ video: false, wantsVideo: false }), BOTH, words), ["Son seul de l’autre côté"]);
  assert.deepEqual(ofPeer(other({ showing: "document" }), BOTH, words), ["Un document vous est montré"]);
});

test("every problem has words and, where pressing helps, a button", () => {
  for (const texts of Object.values(TEXTS)) {
    for (const problem of Object.keys(texts.problem) as Problem[]) {
      assert.ok((problemNotice(problem, texts).title ?? "").length > 5, problem);
      assert.ok(texts.peerProblem[problem].length > 5, problem);
    }
    assert.deepEqual(problemNotice("in_app_browser", texts).acts, ["copyLink"]);
    assert.deepEqual(problemNotice("refused_by_browser", texts).acts, ["retryDevices"]);
    assert.deepEqual(problemNotice("device_busy", texts).acts, ["tryDevices"]);
  }
});

// Levels.

test("loudness is the root mean square", () => {
  assert.equal(loudness(new Float32Array([])), 0);
  assert.equal(loudness(new Float32Array([0.5, -0.5, 0.5, -0.5])), 0.5);
});

test("silence is told after a while, never while muted, and sound begins it anew", () => {
  const watch = new SilenceWatch(1000);
  assert.deepEqual([watch.hear(0, 0), watch.hear(0, 900), watch.hear(0, 1000)], [false, false, true]);
  assert.equal(watch.hear(0.1, 1100), false);
  assert.deepEqual([watch.hear(0, 1200), watch.hear(null, 2000), watch.hear(0, 2300)], [false, false, false]);
});
