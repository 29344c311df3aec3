// @vitest-environment node
/** Reads the sources: every control that changes something asks first whether the person may. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";
import { type Call, routeOf } from "./rights";
import { ROLE_OF } from "./routeRights";

const SRC = join(import.meta.dirname, "..");
const LEFT_OUT = /\.test\.tsx?$|^demo\/|^stories\/|\.stories\.tsx?$|\.d\.ts$/;
/** Parts of a mutation or a command that send nothing. */
const SENDS_NOTHING = new Set(["reset", "dismiss", "outcome", "data", "error", "variables", "phase"]);
const sendsNothing = (name: string): boolean => SENDS_NOTHING.has(name) || /^is[A-Z]/.test(name);
/** Hooks that return what sends the command that it is given. */
const SENDERS = new Set(["useCommand"]);

/** A function, a constant or a property of a component. */
interface Declared {
  name: string;
  /** What it is made of; for a property, the elements that pass it have it. */
  body?: ts.Node;
  scope: ts.Node;
  component?: string;
}

/** Return every node inside another, itself first. */
function nodesOf(node: ts.Node, found: ts.Node[] = []): ts.Node[] {
  found.push(node);
  ts.forEachChild(node, (child) => void nodesOf(child, found));
  return found;
}

const isWithin = (node: ts.Node, scope: ts.Node): boolean => node.pos >= scope.pos && node.end <= scope.end;
const isComponent = (name: string): boolean => /^[A-Z][A-Za-z]*[a-z]/.test(name);
const functionAround = (node: ts.Node): ts.Node =>
  ts.findAncestor(node.parent, ts.isFunctionLike) ?? node.getSourceFile();

/** Whether a call of the API changes something that not everybody who is signed in may change. */
function isChange(node: ts.Node): boolean {
  if (!ts.isCallExpression(node) || !["request", "ask"].includes(node.expression.getText())) return false;
  const [method, where] = node.arguments;
  if (!method || !ts.isStringLiteral(method)) return true;
  return method.text !== "GET" && roleOf(method.text, where) !== "viewer";
}

/** Return the role that a request needs, as far as its path is written where it is sent. */
function roleOf(method: string, where: ts.Node | undefined): string | undefined {
  const segments = (values: readonly ts.Node[]): string =>
    `/${values.map((one) => (ts.isStringLiteral(one) ? one.text : "some")).join("/")}`;
  const isBuilt = where && ts.isCallExpression(where) && where.expression.getText() === "path";
  const asked = where && ts.isStringLiteral(where) ? where.text : isBuilt ? segments(where.arguments) : undefined;
  try {
    return asked && ROLE_OF[routeOf([method, asked] as unknown as Call).name];
  } catch {
    return undefined; // a fixed segment is computed
  }
}

/** Whether an identifier stands for its value, and not for a part that sends nothing. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node && !sendsNothing(parent.name.text);
  return !(ts.isPropertyAssignment(parent) && parent.name === node) && !ts.isJsxAttribute(parent);
}

const namesIn = (pattern: ts.BindingName): string[] =>
  ts.isIdentifier(pattern)
    ? [pattern.text]
    : pattern.elements.flatMap((one) =>
        ts.isBindingElement(one) && !sendsNothing((one.propertyName ?? one.name).getText()) ? namesIn(one.name) : [],
      );

/** Every function, constant and property of a component in a file. */
function* declaredIn(file: ts.SourceFile): Generator<Declared> {
  for (const node of nodesOf(file)) {
    const scope = functionAround(node);
    if (ts.isVariableDeclaration(node) && node.initializer)
      for (const name of namesIn(node.name)) yield { name, body: node.initializer, scope };
    if (!ts.isFunctionDeclaration(node) || !node.name) continue;
    yield { name: node.name.text, body: node, scope };
    const [props] = node.parameters;
    if (props && isComponent(node.name.text))
      for (const name of namesIn(props.name)) yield { name, scope: node, component: node.name.text };
  }
}

const tagOf = (element: ts.JsxOpeningLikeElement): string => element.tagName.getText();
const wholeOf = (element: ts.JsxOpeningLikeElement): ts.Node =>
  ts.isJsxOpeningElement(element) ? element.parent : element;
const has = (element: ts.JsxOpeningLikeElement, name: string): boolean =>
  element.attributes.properties.some((one) => ts.isJsxAttribute(one) && one.name.getText() === name);

/** Whether an element, or one that it stands in, asks for the right. */
function asks(element: ts.JsxOpeningLikeElement): boolean {
  for (let one: ts.Node | undefined = wholeOf(element); one; one = one.parent) {
    const opening = ts.isJsxElement(one) ? one.openingElement : ts.isJsxSelfClosingElement(one) ? one : undefined;
    if (opening && (tagOf(opening) === "Needs" || has(opening, "needs"))) return true;
  }
  return false;
}

/** Whether one of the controls inside an element asks for the right, or the component does itself. */
const isAskedInside = (element: ts.JsxOpeningLikeElement): boolean =>
  (["form", "FileButton"].includes(tagOf(element)) && /<Needs\b|\bneeds=/.test(wholeOf(element).getText())) ||
  /\buseRefusal\(/.test(functionAround(element).getText()) ||
  // Opened by another control.
  has(element, "hidden");

interface Given {
  file: string;
  attribute: ts.JsxAttribute;
  element: ts.JsxOpeningLikeElement;
}

class Sources {
  readonly declared = new Map<string, Map<string, Declared[]>>();
  /** Names of a file that stand for names of another. */
  readonly imported = new Map<string, Map<string, readonly [file: string, name: string]>>();
  /** Attributes of elements that do not ask for the right. */
  readonly attributes: Given[] = [];
  readonly changing = new Set<Declared>();
  /** What can stand for a change inside a node, found once. */
  readonly mentions = new Map<ts.Node, ts.Node[]>();

  constructor(read: Iterable<readonly [name: string, text: string]>) {
    for (const [file, text] of read) {
      const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
      const byName = new Map<string, Declared[]>();
      for (const one of declaredIn(source)) byName.set(one.name, [...(byName.get(one.name) ?? []), one]);
      this.declared.set(file, byName);
      this.imported.set(file, new Map(this.importsOf(file, source)));
      for (const attribute of nodesOf(source)) {
        if (!ts.isJsxAttribute(attribute) || !attribute.initializer) continue;
        const element = attribute.parent.parent;
        if (!asks(element)) this.attributes.push({ file, attribute, element });
      }
    }
    for (let before = -1; before < this.changing.size; ) {
      before = this.changing.size;
      this.follow();
    }
  }

  *importsOf(file: string, source: ts.SourceFile): Generator<[string, readonly [string, string]]> {
    for (const node of source.statements) {
      const named = ts.isImportDeclaration(node) && node.importClause?.namedBindings;
      if (!named || !ts.isNamedImports(named)) continue;
      const module = (node.moduleSpecifier as ts.StringLiteral).text;
      const base = module.startsWith("@/") ? module.slice(2) : join(dirname(file), module);
      const from = [`${base}.ts`, `${base}.tsx`].find((one) => existsSync(join(SRC, one)));
      for (const one of named.elements) if (from) yield [one.name.text, [from, (one.propertyName ?? one.name).text]];
    }
  }

  /** Mark what is made of something that changes, and the properties of components that are given it. */
  follow(): void {
    for (const [file, declared] of this.declared)
      for (const one of [...declared.values()].flat())
        if (one.body && !isComponent(one.name) && (SENDERS.has(one.name) || this.isChanging(one.body, file)))
          this.changing.add(one);
    for (const { file, attribute, element } of this.given())
      for (const one of this.declaredAs(file, tagOf(element), attribute.name.getText())) this.changing.add(one);
  }

  given(): Given[] {
    return this.attributes.filter(({ file, attribute }) => this.isChanging(attribute.initializer as ts.Node, file));
  }

  /** Return the property of a component, seen from a file. */
  declaredAs(file: string, component: string, property: string): Declared[] {
    const [made, name] = this.imported.get(file)?.get(component) ?? [file, component];
    return (this.declared.get(made)?.get(property) ?? []).filter((one) => one.component === name);
  }

  isChanging(node: ts.Node, file: string): boolean {
    let mentioned = this.mentions.get(node);
    if (!mentioned) {
      mentioned = nodesOf(node).filter((one) => isChange(one) || (ts.isIdentifier(one) && isUse(one)));
      this.mentions.set(node, mentioned);
    }
    return mentioned.some((one) => !ts.isIdentifier(one) || this.standsForChange(one, file));
  }

  standsForChange(node: ts.Identifier, file: string): boolean {
    const [from, exported] = this.imported.get(file)?.get(node.text) ?? [file, node.text];
    const found = (this.declared.get(from)?.get(exported) ?? []).filter(
      ({ scope }) => ts.isSourceFile(scope) || (from === file && isWithin(node, scope)),
    );
    const nearest = found.sort((one, other) => other.scope.pos - one.scope.pos || one.scope.end - other.scope.end)[0];
    return nearest !== undefined && this.changing.has(nearest);
  }

  /** Return the controls that change something and do not ask, as `file: <Tag handler>`. */
  unguarded(): string[] {
    return this.given()
      .filter(({ file, attribute, element }) => {
        const tag = tagOf(element);
        const isOurs = this.imported.get(file)?.has(tag) || this.declared.get(file)?.has(tag);
        return !isOurs && /^on[A-Z]/.test(attribute.name.getText()) && !isAskedInside(element);
      })
      .map(({ file, attribute, element }) => `${file}: <${tagOf(element)} ${attribute.name.getText()}>`);
  }
}

const panel = (readdirSync(SRC, { recursive: true }) as string[])
  .filter((name) => /\.tsx?$/.test(name) && !LEFT_OUT.test(name))
  .map((name) => [name, readFileSync(join(SRC, name), "utf8")] as const);

it("every control that changes something asks whether the person may", () => {
  expect(new Sources(panel).unguarded()).toEqual([]);
});

const IMPORTS = 'import { request } from "@/api/client";\n';
const found = (...texts: string[]): string[] =>
  new Sources(texts.map((text, i) => [`part${i}.tsx`, IMPORTS + text] as const)).unguarded();

it("finds a control that does not ask, however its request is sent", () => {
  const send = "request('PUT', '/api/workers')";
  const sending = `const sending = useMutation({ mutationFn: () => ${send} });`;
  expect(found(`const A = () => <button onClick={() => ${send}} />;`)).toEqual(["part0.tsx: <button onClick>"]);
  expect(found(`function A() { ${sending} return <Switch onChange={() => sending.mutate()} />; }`)).toHaveLength(1);
  expect(found(`function A() { ${sending} return <Button loading={sending.isPending} onClick={close} />; }`)).toEqual(
    [],
  );
  expect(found(`function A() { ${sending} return <Needs><Button onClick={sending.mutate} /></Needs>; }`)).toEqual([]);
  const inner = "function Inner({ onYes }) { return <Button onClick={onYes} />; }";
  expect(found(`${inner} function A() { ${sending} return <Inner onYes={sending.mutate} />; }`)).toHaveLength(1);
  expect(found("const A = () => <button onClick={() => request('GET', '/api/workers')} />;")).toEqual([]);
  expect(found("const A = () => <button onClick={() => request('POST', '/auth/sign-out')} />;")).toEqual([]);
});
