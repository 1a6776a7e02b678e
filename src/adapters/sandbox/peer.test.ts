import assert from "node:assert/strict";
import { test } from "node:test";
import { findPeer } from "./peer.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1 0 100 0 0 10 0
   1: 0100007F:C001 0100007F:11D6 01 00000000:00000000 00:00000000 00000000  1234        0 777 1 0 20 4 30 10 -1
   2: 0000000000000000FFFF00000100007F:C002 0000000000000000FFFF00000100007F:11D6 01 00000000:00000000 00:00000000 00000000  5678        0 888 1 0 20 4 30 10 -1
`;

test("the other end of a connection is found, whichever family its socket has", () => {
  assert.deepEqual(findPeer(TABLE, 0xc001, 0x11d6), { uid: 1234, inode: "777" });
  assert.deepEqual(findPeer(TABLE, 0xc002, 0x11d6), { uid: 5678, inode: "888" });
  assert.equal(findPeer(TABLE, 0x11d6, 0xc001), undefined, "not this end");
  assert.equal(findPeer(TABLE, 0xc003, 0x11d6), undefined);
});
