// check_mermaid.mjs DIAGRAM PAYLOADS DOCUMENT...: parses the diagram with Mermaid. Each of its lines must be one
// message or note that says what the line says, each line of PAYLOADS must be in one of them, and
// none of them may change Mermaid's configuration. Mermaid must also read each diagram of the
// documents, which are Markdown. Needs the npm packages mermaid and jsdom.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { JSDOM } from 'jsdom';

globalThis.window = new JSDOM('').window;
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');

const [diagram, payloads] = process.argv.slice(2, 4).map((path) => readFileSync(path, 'utf8'));
const lines = (text) => text.split('\n').filter((line) => line !== '');

// Mermaid parses "#37;" as a placeholder, which its renderer makes an HTML entity.
function shownText(message) {
  const element = document.createElement('p');
  element.innerHTML = message.replaceAll('ﬂ°°', '&#').replaceAll('ﬂ°', '&').replaceAll('¶ß', ';');
  return element.textContent;
}

const { config } = await mermaid.parse(diagram);
assert.deepEqual(config, {}, 'a payload has changed the configuration');

const { db } = await mermaid.mermaidAPI.getDiagramFromText(diagram);
const messages = db.getMessages().map(({ message }) => shownText(message));
const statements = lines(diagram).filter((line) => /^ *(C->>A|A-->>C|Note over C,A): /.test(line));
assert.equal(messages.length, statements.length, 'a line is not one message');
for (const message of messages) assert.match(message, /^ctl: .* \(\+\d+\.\d ms\)$/);
for (const payload of lines(payloads)) {
  assert.ok(messages.some((message) => message.includes(payload)), `no message says ${payload}`);
}
console.log(`Mermaid shows ${messages.length} messages as they are.`);

for (const path of process.argv.slice(4)) {
  const blocks = readFileSync(path, 'utf8').matchAll(/^```mermaid\n(.*?)^```$/gms);
  for (const [, block] of blocks) await mermaid.parse(block);
  console.log(`Mermaid reads the diagrams of ${path}.`);
}
