// Buttons and fields of one job. Everything is done by the kernel; the page only asks.

function button(text, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
}

function field(name, value, isRunning, send) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const isNumber = typeof value === "number";
  input.type = isNumber ? "number" : "text";
  input.step = "any";
  input.value = value === null || value === undefined ? "" : String(value);
  input.disabled = !isRunning;
  input.addEventListener("change", () => {
    const typed = isNumber ? input.valueAsNumber : input.value;
    if (!Number.isNaN(typed)) send({ do: "set", setting: name, value: typed });
  });
  label.append(`${name.replaceAll("_", " ")} `, input);
  label.style.cssText = "display: block; margin: 4px 0;";
  return label;
}

function render({ model, el }) {
  const box = document.createElement("div");
  box.style.cssText = "font: 13px system-ui, sans-serif;";
  el.append(box);
  const send = (request) => {
    for (const each of box.querySelectorAll("button, input")) each.disabled = true;
    model.send(request);
  };
  const show = () => {
    const isRunning = model.get("is_running");
    const head = document.createElement("strong");
    head.textContent = `${model.get("title")}: ${isRunning ? "running" : "not running"}`;
    const fields = Object.entries(model.get("values")).map(([name, value]) => field(name, value, isRunning, send));
    const act = isRunning
      ? button("Stop", () => send({ do: "stop" }))
      : button("Start", () => send({ do: "start" }));
    const message = document.createElement("p");
    message.setAttribute("role", "status");
    message.textContent = model.get("message");
    box.replaceChildren(head, ...fields, act, " ", button("Refresh", () => send({ do: "refresh" })), message);
  };
  const names = ["is_running", "values", "message"].map((name) => `change:${name}`);
  for (const name of names) model.on(name, show);
  model.on("msg:custom", show); // The kernel says that a request is done, also when nothing has changed.
  show();
  return () => {
    for (const name of [...names, "msg:custom"]) model.off(name, show);
  };
}

export default { render };
