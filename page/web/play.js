// The controls of the section "Ask the network yourself". All that is computed and drawn comes from the program that
// the worker runs; here is only what the reader can do, and what is shown where.
"use strict";

(() => {
  const root = document.getElementById("play"), form = root.querySelector("form"), fields = form.elements;
  const part = (name) => document.getElementById(`play-${name}`);
  const USUAL = { hidden: "10, 5", g: "relu", start: "zeros", scale: "0.5", seed: "1", biases: "0", data: "circles", ones: "150", flip: "", rate: "0.01", by: "descent", batch: "" };
  const STEPS = 15000, MOST_STEPS = 100000;

  let module, worker, busy = false, waiting, drawn, answer, edits = { w: [], b: [] }, guessed = true, running = false, complaint = "";

  // --- The program -----------------------------------------------------------------------------------------------

  async function program() {
    const packed = Uint8Array.from(atob(part("program").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return WebAssembly.compile(await new Response(stream).arrayBuffer());
  }

  function hire() {
    const source = new Blob([part("worker").textContent], { type: "text/javascript" });
    worker = new Worker(URL.createObjectURL(source));
    worker.postMessage({ module });
    worker.onmessage = ({ data }) => {
      if (data.done) {
        busy = false;
        if (running) stop();
      } else if (data.broken) {
        fault(`The program has stopped: ${data.broken}`);
      } else {
        receive(JSON.parse(data.answer));
      }
    };
  }

  // A new question ends the work on the one before.
  function ask(question, training = "") {
    if (busy) {
      worker.terminate();
      hire();
    }
    busy = true;
    worker.postMessage({ question: `${question}\n${training}` });
  }

  // --- The question ----------------------------------------------------------------------------------------------

  function question(steps) {
    const parts = new URLSearchParams();
    const hidden = fields.hidden.value.split(/[\s,-]+/).filter(Boolean);
    const given = { sizes: ["2", ...hidden, "1"].join("-") };
    for (const name of ["g", "start", "biases", "data", "ones", "flip", "rate", "by", "batch"]) given[name] = fields[name].value.trim();
    if (["constant", "normal"].includes(given.start)) given.scale = fields.scale.value.trim();
    if (["normal", "xavier", "he"].includes(given.start)) given.seed = fields.seed.value.trim();
    given.flip = given.flip.split(/[\s,]+/).filter(Boolean).join(",");
    for (const name of ["w", "b"]) given[name] = edits[name].join(",");
    for (const [name, value] of Object.entries(given)) if (value !== "") parts.set(name, value);
    if (steps) parts.set("steps", steps);
    return parts.toString();
  }

  function show(controls) {
    for (const name of Object.keys(USUAL)) fields[name].value = controls[name] ?? USUAL[name];
    edits = { w: controls.w, b: controls.b };
    relevant();
  }

  // Scale and seed are there only for the starts that have them.
  function relevant() {
    for (const label of form.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(fields.start.value);
  }

  function change(steps = 0) {
    complaint = "";
    stop();
    relevant();
    guessed = !fields.cover.checked;
    ask(question(steps));
  }

  // --- The answer ------------------------------------------------------------------------------------------------

  function receive(given) {
    waiting = given;
    drawn ??= requestAnimationFrame(() => {
      drawn = undefined;
      if (!waiting.fault) return draw(waiting);
      fault(waiting.fault);
      if (answer) return;
      // The address makes no sense: say so, and show the network of the notebook.
      complaint = `The address cannot be read: ${waiting.fault}. Here is the network of this notebook instead.`;
      ask("");
    });
  }

  function fault(text) {
    part("fault").textContent = text;
  }

  function draw(now) {
    fault(complaint);
    const before = answer;
    answer = now;
    if (!before) show(now.controls);
    history.replaceState(null, "", `#${now.question}`);
    for (const name of ["signal", "boundary", "costs", "norms"]) part(name).innerHTML = now[name];
    part("table").innerHTML = now.table;
    part("why").replaceChildren(...now.why.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    mark(before);
    point();
    fields.steps.value = `step ${now.controls.steps}`;
    part("said").textContent = guessed ? now.said : "Changed. What will be alive?";
    part("answer").hidden = !guessed;
    part("guess").hidden = guessed;
    if (!guessed) part("guess").querySelector("div").innerHTML = now.alive.map((_, i) => `<label><input type="checkbox"> dW of layer ${i + 1}</label>`).join(" ");
  }

  // Marks what the last change has altered in the table of reasons.
  function mark(before) {
    if (!before) return;
    const old = new DOMParser().parseFromString(before.table, "text/html").querySelectorAll("td");
    const cells = part("table").querySelectorAll("td");
    if (old.length !== cells.length) return;
    cells.forEach((cell, i) => {
      if (cell.textContent === old[i].textContent) return;
      cell.classList.add("changed");
      cell.insertAdjacentHTML("beforeend", '<span class="unseen"> (changed)</span>');
    });
  }

  // Lays a line over each weight and a disc over each unit, which take the clicks.
  function point() {
    const picture = part("signal").querySelector("svg"), names = answer.parameters.map((one) => one.name);
    const make = (kind, attributes) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const biases = answer.parameters.filter((one) => one.name[0] === "b");
    const weights = answer.parameters.filter((one) => one.name[0] === "w");
    const edited = new Set(["w", "b"].flatMap((kind) => answer.controls[kind].map((edit) => kind + edit.split(":")[0])));
    for (const one of [...weights, ...biases]) {
      const [x1, y1] = one.from, [x2, y2] = one.to;
      const hit = one.name[0] === "b" ? make("circle", { cx: x2, cy: y2, r: 13 }) : make("line", { x1, y1, x2, y2 });
      hit.setAttribute("class", edited.has(one.name) ? "hit set" : "hit");
      const title = make("title", {});
      title.textContent = `${words(one.name)} = ${one.value}`;
      hit.append(title);
      hit.onclick = () => (edited.has(one.name) ? put(one.name) : put(one.name, one.value === 0 ? "0.1" : "0"));
      picture.append(hit);
    }
    if ([...fields.place.options].map((option) => option.value).join() !== names.join()) {
      fields.place.replaceChildren(...names.map((name) => new Option(words(name), name)));
      value();
    }
  }

  function words(name) {
    const [layer, row, column] = name.slice(1).split(".");
    return column === undefined ? `bias of unit ${row} of layer ${layer}` : `weight of layer ${layer}: to unit ${row} from unit ${column}`;
  }

  function value() {
    const one = answer.parameters.find((one) => one.name === fields.place.value);
    if (one) fields.value.value = one.value;
  }

  // Gives a parameter a value at the start of the training, or takes that back.
  function put(name, value) {
    const kind = name[0], place = name.slice(1);
    edits[kind] = edits[kind].filter((edit) => edit.split(":")[0] !== place);
    if (value !== undefined) edits[kind].push(`${place}:${value}`);
    change();
  }

  // --- Training --------------------------------------------------------------------------------------------------

  function train(steps, every) {
    const to = Math.min(answer.controls.steps + steps, MOST_STEPS);
    guessed = !fields.cover.checked || guessed;
    ask(question(answer.controls.steps), `to=${to}&every=${every}`);
  }

  function stop() {
    running = false;
    const button = form.querySelector("[data-do=run]");
    button.textContent = "Run";
    button.setAttribute("aria-pressed", "false");
    if (busy) {
      worker.terminate();
      busy = false;
      hire();
    }
  }

  async function copy(text, said) {
    try {
      await navigator.clipboard.writeText(text);
      part("said").textContent = said;
    } catch {
      window.prompt("Copy this:", text);
    }
  }

  const ACTIONS = {
    step: () => change(answer.controls.steps + 1),
    hundred: () => change(answer.controls.steps + 100),
    back: () => change(),
    run(button) {
      if (running) return stop();
      running = true;
      button.textContent = "Pause";
      button.setAttribute("aria-pressed", "true");
      train(STEPS, matchMedia("(prefers-reduced-motion: reduce)").matches ? STEPS : 100);
    },
    set: () => put(fields.place.value, fields.value.value.trim()),
    unset() {
      edits = { w: [], b: [] };
      change();
    },
    reveal() {
      const guess = [...part("guess").querySelectorAll("input")].map((box) => box.checked);
      const right = guess.filter((one, i) => one === answer.alive[i]).length;
      guessed = true;
      part("guess").hidden = true;
      part("answer").hidden = false;
      part("said").textContent = `You were right about ${right} of ${guess.length} layers. ${answer.said}`;
    },
    link: () => copy(location.href, "The link is copied."),
    cell: () => copy(answer.cell, "The cell is copied. It needs the first cell of a notebook above it."),
  };

  root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-do]");
    if (button && answer) ACTIONS[button.dataset.do](button);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target === fields.place) value();
    else if (target !== fields.value && target !== fields.cover) change();
  });

  const asked = () => (location.hash.includes("=") ? location.hash.slice(1) : "");
  addEventListener("hashchange", () => {
    if (!asked() || (answer && asked() === answer.question)) return;
    answer = undefined;
    ask(asked());
  });

  (async () => {
    module = await program();
    hire();
    root.hidden = false;
    if (asked()) root.scrollIntoView();
    ask(asked());
  })();
})();
