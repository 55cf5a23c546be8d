/**
 * `/control`: the camera's controls. GET answers them as JSON, each with kind, range, default and present value, so
 * that a page can make its own of them. POST takes `name=value` pairs, in the query or as a form; either all of a
 * request's are applied or, where one is wrong, none, and the answer says which and what is allowed. POST to
 * `/control/save` keeps them.
 */

import { equals, hexDigit } from "../ascii";
import { Control, Controls, Kind } from "../controls";
import { Writer } from "../writer";
import { Connection } from "./connection";
import { Server } from "./server";

export function sendControls(connection: Connection, server: Server, now: i64): void {
  const json = connection.beginText();
  json.text('{"controls":[');
  const all = server.source.controls.all;
  let first = true;
  for (let i = 0; i < all.length; i++) {
    const control = all[i];
    if (!control.available) continue;
    if (!first) json.text(",");
    first = false;
    describe(control, json);
  }
  json.text("]}\n");
  connection.endText("200 OK", "application/json", "", now);
}

export function setControls(connection: Connection, server: Server, now: i64): void {
  const controls = server.source.controls;
  const parser = connection.parser;
  for (let i = 0; i < controls.all.length; i++) controls.all[i].wanted = controls.all[i].value;
  if (!read(controls, parser.query, parser.queryBytes, connection, now)) return;
  if (!read(controls, connection.body, parser.bodyBytes, connection, now)) return;
  controls.exchange();
  const objection = server.source.objection();
  if (objection.length) {
    controls.exchange();
    return connection.refuse("400 Bad Request", objection, now);
  }
  server.source.change();
  sendControls(connection, server, now);
}

export function saveControls(connection: Connection, server: Server, now: i64): void {
  if (server.source.keep()) {
    connection.beginText().text("kept\n");
    connection.endText("200 OK", "text/plain; charset=utf-8", "", now);
  } else connection.refuse("507 Insufficient Storage", "this board has no room to keep settings", now);
}

function describe(control: Control, json: Writer): void {
  json.text('{"name":"').text(control.name).text('","kind":');
  switch (control.kind) {
    case Kind.NUMBER:
      json.text('"number","min":').integer(control.least).text(',"max":').integer(control.most);
      if (control.unit.length) json.text(',"unit":"').text(control.unit).text('"');
      break;
    case Kind.CHOICE:
      json.text('"choice","choices":[');
      for (let i = 0; i < control.choices.length; i++) {
        json.text(i ? ',"' : '"').text(control.choices[i]).text('"');
      }
      json.text("]");
      break;
    default:
      json.text('"switch"');
  }
  json.text(',"default":');
  show(control, control.initial, json);
  json.text(',"value":');
  show(control, control.value, json);
  json.text("}");
}

function show(control: Control, value: i32, json: Writer): void {
  if (control.kind == Kind.CHOICE) json.text('"');
  if (control.kind == Kind.SWITCH) json.text(value ? "true" : "false");
  else control.write(value, json);
  if (control.kind == Kind.CHOICE) json.text('"');
}

/** Reads pairs to `wanted` of their controls. @returns false if one is wrong, and the request was refused */
function read(controls: Controls, at: usize, length: u32, connection: Connection, now: i64): bool {
  const end = at + length;
  while (at < end) {
    let pairEnd = at;
    while (pairEnd < end && load<u8>(pairEnd) != 0x26 /* & */) pairEnd++;
    if (pairEnd > at && !readPair(controls, at, pairEnd, connection, now)) return false;
    at = pairEnd + 1;
  }
  return true;
}

function readPair(controls: Controls, at: usize, end: usize, connection: Connection, now: i64): bool {
  let equals = at;
  while (equals < end && load<u8>(equals) != 0x3d /* = */) equals++;
  const nameBytes = decode(at, equals);
  const control = controls.find(at, nameBytes);
  if (!control) {
    const text = connection.beginRefusal();
    text.text("there is no control ").printable(at, min(nameBytes, 32)).text("; there are");
    for (let i = 0, n = 0; i < controls.all.length; i++) {
      if (controls.all[i].available) text.text(n++ ? ", " : " ").text(controls.all[i].name);
    }
    connection.endRefusal("400 Bad Request", now);
    return false;
  }
  const valueAt = min(equals + 1, end);
  const valueBytes = decode(valueAt, end);
  if (control.read(valueAt, valueBytes)) return true;
  const text = connection.beginRefusal();
  text.text(control.name).text(" can't be ").printable(valueAt, min(valueBytes, 32)).text(": it is ");
  if (control.kind == Kind.NUMBER) {
    text.text("a whole number from ").integer(control.least).text(" to ").integer(control.most);
  } else if (control.kind == Kind.SWITCH) {
    text.text("on or off");
  } else {
    text.text("one of");
    for (let i = 0; i < control.choices.length; i++) text.text(i ? ", " : " ").text(control.choices[i]);
  }
  connection.endRefusal("400 Bad Request", now);
  return false;
}

/**
 * Decodes what a form encodes, in place. What is not rightly encoded stays as it is. @returns the bytes that it became
 */
export function decode(at: usize, end: usize): u32 {
  let to = at;
  for (let from = at; from < end; from++, to++) {
    let c: u32 = load<u8>(from);
    if (c == 0x2b /* + */) c = 0x20;
    else if (c == 0x25 /* % */ && from + 2 < end) {
      const high = hexDigit(load<u8>(from, 1));
      const low = hexDigit(load<u8>(from, 2));
      if (high >= 0 && low >= 0) {
        c = high << 4 | low;
        from += 2;
      }
    }
    store<u8>(to, c);
  }
  return u32(to - at);
}
