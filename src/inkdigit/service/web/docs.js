// The API's description, drawn from /openapi.json.

const METHODS = ["get", "post", "put", "delete"];
const MAX_EXAMPLE = 600; // characters of an example that are shown at once
const root = document.querySelector('a[href="./"]').href; // where this server's addresses begin
let spec = null;

/** An element: make("p", { id: "x" }, "text", child, …). Text is never read as HTML. */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** A description as paragraphs; what stands between backquotes is code. */
function prose(text) {
  const paragraphs = (text ?? "").split(/\n\s*\n/).filter(Boolean);
  return paragraphs.map((paragraph) => make("p", {}, inline(paragraph)));
}

function inline(text) {
  const parts = (text ?? "").split(/`([^`]+)`/); // those with an odd index stood between backquotes
  return parts.map((part, i) => (i % 2 ? make("code", {}, part) : part));
}

function slug(...words) {
  return words.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-");
}

/** What a $ref points to; anything else unchanged. */
function resolve(node) {
  const path = node?.$ref?.replace("#/", "").split("/");
  if (!path) return node ?? {};
  return path.reduce((place, name) => place[name.replaceAll("~1", "/").replaceAll("~0", "~")], spec);
}

/** A schema in a few words, named ones as links. */
function type(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return [make("a", { href: `#${slug("schema", name)}` }, name)];
  }
  const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choice) return choice.flatMap((each, i) => [i ? " or " : "", ...type(each)]);
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
  if (schema.type === "array") return [`list ${counts(schema)}of `, ...type(schema.items ?? {})];
  if (schema.format === "binary") return ["file"];
  return [[schema.type ?? "anything"].flat().join(" or "), range(schema)];
}

function counts({ minItems: least, maxItems: most }) {
  if (least === undefined && most === undefined) return "";
  return least === most ? `(${least}) ` : `(${least ?? 0} to ${most ?? "any number"}) `;
}

function range({ minimum: least, maximum: most }) {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return ` ≥ ${least}`;
  return least === undefined ? ` ≤ ${most}` : ` ${least}–${most}`;
}

/** A list of names, each with its type and what it means. */
function list(rows) {
  return make("dl", {}, rows.map(({ name, note, schema, text }) => make("div", {},
    make("dt", {}, make("code", {}, name), note ? make("small", {}, note) : null),
    make("dd", { class: "type" }, type(schema)), make("dd", {}, inline(text)))));
}

/** An object's fields; null where the schema is something else. */
function fields({ properties, required }) {
  if (!properties) return null;
  return list(Object.entries(properties).map(([name, schema]) => {
    const text = schema.description ?? resolve(schema).description;
    return { name, schema, note: required?.includes(name) ? "" : "optional", text };
  }));
}

/** Code with a button that copies it (or what it was cut from), where the browser lets pages do so. */
function code(text, label, whole = text) {
  const button = make("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(whole);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  const shown = make("pre", { tabindex: 0, role: "group", "aria-label": label }, make("code", {}, text));
  return make("div", { class: "code" }, navigator.clipboard ? button : null, shown);
}

/** JSON as people write it: what fits on a line stays on it; long lists and strings are cut. */
function pretty(value, indent = "") {
  if (typeof value === "string" && value.length > 70) return JSON.stringify(`${value.slice(0, 60)}…`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  const several = Array.isArray(value);
  const plain = several && value.every((each) => typeof each !== "object");
  const most = several && !plain ? 3 : 10;
  const members = several ? value.slice(0, most).map((each) => pretty(each, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${pretty(each, inner)}`);
  if (several && value.length > most) members.push("…");
  const [open, close] = several ? "[]" : "{}";
  const flat = open + members.join(", ") + close;
  if (plain || (flat.length + indent.length <= 80 && !flat.includes("\n"))) return flat;
  return `${open}\n${inner}${members.join(`,\n${inner}`)}\n${indent}${close}`;
}

/** [name, value] of every example of a media type. */
function examples({ example, examples: named, schema }) {
  if (named) return Object.entries(named).map(([name, each]) => [each.summary ?? name, resolve(each).value]);
  const single = example ?? resolve(schema).examples?.[0];
  return single === undefined ? [] : [["", single]];
}

/** The header of the first API key that the operation takes. */
function keyHeader(operation) {
  const names = (operation.security ?? spec.security ?? []).flatMap((each) => Object.keys(each));
  return names.map((name) => spec.components.securitySchemes[name]).find((scheme) => scheme.in === "header")?.name;
}

/** The curl line of an operation, with one kind of body where it takes any. */
function curl({ method, path, operation }, kind, media) {
  const known = Object.fromEntries(given(path, operation).map(({ name, example }) => [name, example]));
  const filled = path.slice(1).replace(/{(\w+)}/g, (whole, name) => known[name] ?? whole);
  const parts = [`curl ${method === "get" || kind ? "" : `-X ${method.toUpperCase()} `}'${root}${filled}'`];
  const header = keyHeader(operation);
  if (header) parts.push(`-H "${header}: $INKDIGIT_KEY"`);
  if (kind === "multipart/form-data") {
    parts.push(...Object.keys(resolve(media.schema).properties ?? {}).map((name) => `-F ${name}=@digit.png`));
  } else if (kind) {
    const text = JSON.stringify(examples(media)[0]?.[1]) ?? "";
    const ending = kind.split("/").at(-1).replace("octet-stream", "bin");
    parts.push(`-H 'Content-Type: ${kind}'`);
    parts.push(kind.endsWith("json") && text && text.length < 120 ? `-d '${text}'` : `--data-binary @digit.${ending}`);
  }
  return parts.join(" \\\n  ");
}

/** What a body of each kind holds, with its examples; long ones folded away. */
function drawContent(content) {
  return Object.entries(content ?? {}).map(([kind, media]) => {
    const shown = examples(media).map(([name, value]) => {
      const text = typeof value === "string" ? value : pretty(value);
      const block = code(text, name || `Example of ${kind}`, typeof value === "string" ? value : JSON.stringify(value));
      if (text.length > MAX_EXAMPLE) return make("details", {}, make("summary", {}, name || "Example"), block);
      return [name ? make("h4", {}, name) : null, block];
    });
    const { schema = {} } = media;
    return [make("p", {}, make("code", {}, kind), " ", type(schema)), schema.$ref ? null : fields(schema), shown];
  });
}

function given(path, operation) {
  return [...(spec.paths[path].parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
}

function drawParameters(path, operation) {
  const rows = given(path, operation).map(({ name, in: place, required, schema, description }) => (
    { name, note: `${place}${required ? "" : ", optional"}`, schema: schema ?? {}, text: description }));
  return rows.length ? [make("h4", {}, "Parameters"), list(rows)] : null;
}

function drawCurl(entry, kinds) {
  const lines = kinds.length ? kinds.map(([kind, media]) => [kind, curl(entry, kind, media)]) : [["", curl(entry)]];
  const [first, ...others] = lines.map(([kind, line]) => code(line, `curl ${entry.path} ${kind}`));
  const more = others.length ? make("details", {}, make("summary", {}, "Other kinds of body"), others) : null;
  return [make("h4", {}, "From a shell"), first, more];
}

function drawAnswer([status, response]) {
  const { description, content } = resolve(response);
  const head = [make("code", {}, status), " ", inline(description)];
  return content ? make("details", {}, make("summary", {}, head), drawContent(content)) : make("p", {}, head);
}

function drawOperation(entry) {
  const { method, path, operation, id } = entry;
  const name = method.toUpperCase();
  const request = resolve(operation.requestBody);
  const kinds = Object.entries(request.content ?? {});
  const link = make("a", { href: `#${id}` }, make("code", {}, path));
  return make("article", { id, "aria-label": `${name} ${path}` },
    make("h3", {}, make("span", { class: `method ${name}` }, name), link),
    make("p", { class: "summary" }, operation.summary ?? ""), prose(operation.description),
    drawCurl(entry, kinds), drawParameters(path, operation),
    kinds.length ? [make("h4", {}, "Body"), prose(request.description), drawContent(request.content)] : null,
    make("h4", {}, "Answers"), Object.entries(operation.responses ?? {}).map(drawAnswer));
}

function drawSchema([name, schema]) {
  return make("article", { id: slug("schema", name), "aria-label": name },
    make("h3", {}, name), prose(schema.description), fields(schema) ?? make("p", {}, type(schema)));
}

/** [{ tag, entries }] in the order of the description's tags. */
function groups() {
  const entries = Object.entries(spec.paths).flatMap(([path, item]) => METHODS.flatMap((method) => {
    const operation = item[method];
    return operation ? [{ method, path, operation, id: slug(method, path), of: operation.tags?.[0] ?? "API" }] : [];
  }));
  const names = new Set([...(spec.tags ?? []), ...entries.map(({ of }) => ({ name: of }))].map(({ name }) => name));
  return [...names].map((name) => ({
    tag: spec.tags?.find((each) => each.name === name) ?? { name },
    entries: entries.filter(({ of }) => of === name),
  })).filter((group) => group.entries.length);
}

function draw() {
  const schemas = Object.entries(spec.components?.schemas ?? {});
  const sections = groups();
  const title = make("h1", {}, spec.info.title, " API", make("small", {}, spec.info.version));
  document.getElementById("main").replaceChildren(title, make("div", { class: "lead" }, prose(spec.info.description)),
    ...sections.flatMap(({ tag, entries }) => [
      make("h2", {}, tag.name), ...prose(tag.description), ...entries.map(drawOperation)]),
    ...(schemas.length ? [make("h2", { id: "schemas" }, "Schemas"), ...schemas.map(drawSchema)] : []));
  document.getElementById("contents").replaceChildren(
    ...sections.flatMap(({ tag, entries }) => [
      make("p", {}, tag.name),
      ...entries.map(({ path, operation, id }) => make("a", { href: `#${id}` }, operation.summary ?? path))]),
    schemas.length ? make("p", {}, make("a", { href: "#schemas" }, "Schemas")) : "");
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

const response = await fetch("openapi.json").catch(() => null);
if (response?.ok) {
  spec = await response.json();
  draw();
} else {
  document.getElementById("state").textContent = "The server does not answer. Load this page again.";
}
