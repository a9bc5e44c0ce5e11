/** What the device test concludes of a network: bundled and run by Node (tests/video/test_call_core.py). */
import assert from "node:assert/strict";
import { test } from "node:test";

import { routeOf } from "../../telecontrol/web/assets/device_test/builtin";
import type { Loop } from "../../telecontrol/web/assets/device_test/loopback";
import { WORDS } from "../../telecontrol/web/assets/device_test/texts";

const loop = (given: Partial<Loop> = {}): Loop => ({ isThrough: true, wasAnswered: true, kind: "host", relayProtocol: "", ...given });
const relay = (protocol: string): Loop => loop({ kind: "relay", relayProtocol: protocol });
const CUT = loop({ isThrough: false, wasAnswered: false, kind: "" });
const UDP = [{ urls: ["stun:turn.example", "turn:turn.example?transport=udp"] }];
const TCP = [{ urls: ["turn:turn.example?transport=tcp", "turns:turn.example:443"] }];

test("without a server of ours, what meets in the page is all there is to know", () => {
  assert.equal(routeOf(loop(), null, []), "direct");
  assert.equal(routeOf(CUT, null, []), "none");
});

test("an answer over UDP is a way out", () => {
  assert.equal(routeOf(loop(), null, UDP), "direct");
  assert.equal(routeOf(loop({ wasAnswered: false }), relay("udp"), UDP), "direct");
});

test("what only the relay carries is said", () => {
  assert.equal(routeOf(loop({ wasAnswered: false }), relay("tcp"), UDP), "relay");
  assert.equal(routeOf(CUT, relay("tls"), UDP), "relay");
  assert.equal(routeOf(loop(), relay("tcp"), TCP), "relay");
});

test("when nothing comes back, nothing is promised", () => {
  assert.equal(routeOf(loop({ wasAnswered: false }), CUT, UDP), "none");
  assert.equal(routeOf(loop({ wasAnswered: false }), null, UDP), "none");
});

test("both languages say everything, and leave the phone to be filled in alike", () => {
  const shape = (value: unknown): unknown =>
    typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shape(inner)]))
      : String(value).includes("{phone}");
  assert.deepEqual(shape(WORDS.en), shape(WORDS.fr));
});

test("in French no line begins with a sign that belongs to the one before", () => {
  assert.doesNotMatch(JSON.stringify(WORDS.fr), / [:;!?»]|« /);
});
