/** Block YAML as the encoder of go-yaml v3 lays it out with an indent of two. */
import {
  isRenderList,
  isRenderMap,
  type RenderList,
  type RenderMap,
  type RenderNode,
} from './node.ts';
import { fitsAsKey, yamlNumber, yamlString } from './yaml-scalar.ts';

const step = 2;

export function renderYaml(node: RenderNode): string {
  const writer = new Writer();
  writeBlock(writer, node, 0);
  writer.endLine();
  return writer.text;
}

/** Appends only: to look at the end of a long text would copy it together each time. */
class Writer {
  text = '';
  #isAtLineStart = true;

  write(text: string): void {
    this.text += text;
    this.#isAtLineStart = text.endsWith('\n');
  }

  /** A block scalar that ends with a line break brings the one before the next entry along. */
  endLine(): void {
    if (!this.#isAtLineStart) this.write('\n');
  }
}

/** A node at a column, without the indentation of its first line and without the break after its last. */
function writeBlock(writer: Writer, node: RenderNode, column: number): void {
  if (isRenderMap(node)) {
    if (node.size === 0) writer.write('{}');
    else writeMapping(writer, node, column);
  } else if (isRenderList(node)) {
    if (node.length === 0) writer.write('[]');
    else writeSequence(writer, node, column);
  } else writer.write(scalar(node, column));
}

function scalar(value: Exclude<RenderNode, RenderList | RenderMap>, indent: number): string {
  if (typeof value === 'string') return yamlString(value, { indent, isKey: false });
  return typeof value === 'number' ? yamlNumber(value) : String(value);
}

function writeMapping(writer: Writer, map: RenderMap, column: number): void {
  const pad = ' '.repeat(column);
  let isFirst = true;
  for (const [key, value] of map) {
    if (!isFirst) nextLine(writer, pad);
    isFirst = false;
    writeKey(writer, key, column);
    const isInline = !isNested(value) || !fitsAsKey(key);
    writer.write(isInline ? ': ' : `:\n${pad}  `);
    writeBlock(writer, value, column + step);
  }
}

function writeSequence(writer: Writer, list: RenderList, column: number): void {
  const pad = ' '.repeat(column);
  let isFirst = true;
  for (const item of list) {
    if (!isFirst) nextLine(writer, pad);
    isFirst = false;
    writer.write('- ');
    writeBlock(writer, item, column + step);
  }
}

function nextLine(writer: Writer, pad: string): void {
  writer.endLine();
  writer.write(pad);
}

/** Up to where its ":" stands, which is on the next line for one that does not fit. */
function writeKey(writer: Writer, key: string, column: number): void {
  const indent = column + step;
  if (fitsAsKey(key)) writer.write(yamlString(key, { indent, isKey: true }));
  else {
    writer.write(`? ${yamlString(key, { indent, isKey: false })}`);
    nextLine(writer, ' '.repeat(column));
  }
}

function isNested(value: RenderNode): boolean {
  return isRenderMap(value) ? value.size > 0 : isRenderList(value) && value.length > 0;
}
