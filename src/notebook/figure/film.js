// Every film of the page that is still a picture gets its controls. A film is an SVG whose groups have the attributes
// data-start, data-step and data-text; of those with a step, one is to be seen at a time.
for (const image of document.querySelectorAll("img.zero-init-film")) {
    const bytes = Uint8Array.from(atob(image.src.split(",")[1]), byte => byte.charCodeAt(0));
    const text = new TextDecoder().decode(bytes);
    const picture = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
    picture.setAttribute("style", image.getAttribute("style"));

    const groups = [...picture.querySelectorAll("g[data-start]")];
    const frames = groups.filter(group => "step" in group.dataset);
    const starts = [...new Set(frames.map(frame => frame.dataset.start))];
    const first = frames.find(frame => frame.getAttribute("display") !== "none");
    const of = start => frames.filter(frame => frame.dataset.start === start);

    const make = (name, properties, ...children) => {
        const element = Object.assign(document.createElement(name), properties);
        element.append(...children);
        return element;
    };
    const said = make("output", {style: "display: block; min-height: 3em"});
    const slider = make("input", {type: "range", min: 0, style: "width: 60%; vertical-align: middle"});
    const name = "start-" + Math.random();
    const radios = starts.map(start => make("input", {type: "radio", name, value: start}));

    const show = () => {
        const start = radios.find(radio => radio.checked).value;
        slider.max = of(start).length - 1;
        const now = of(start)[slider.value];
        for (const group of groups) {
            const seen = group === now || (group.dataset.start === start && !("step" in group.dataset));
            group.setAttribute("display", seen ? "inline" : "none");
        }
        said.value = now.dataset.text;
        slider.setAttribute("aria-valuetext", "step " + now.dataset.step);
    };
    radios.forEach(radio => { radio.checked = radio.value === first.dataset.start; radio.oninput = show; });
    slider.max = of(first.dataset.start).length - 1;
    slider.value = of(first.dataset.start).indexOf(first);
    slider.oninput = show;

    // JupyterLab would take the arrow keys for its own.
    for (const control of [slider, ...radios]) control.dataset.lmSuppressShortcuts = "true";

    const controls = make("div", {style: "margin: 0.5em 0"});
    if (starts.length > 1) {
        const labels = radios.map(radio => make("label", {style: "margin-right: 1.5em"}, radio, " " + radio.value));
        controls.append(make("div", {role: "radiogroup", ariaLabel: "start"}, "start: ", ...labels));
    }
    controls.append(make("label", {}, "step: ", slider), said);
    image.replaceWith(picture, controls);
    show();
}
