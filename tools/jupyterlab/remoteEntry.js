// What this project adds to JupyterLab. It is a prebuilt extension, written by hand: setup.sh puts it into .venv, and JupyterLab
// loads it as one that webpack has made.
(() => {
    // The figures are drawn on white. In a dark theme light and dark change places and the hues stay, so that colours mean the
    // same; white becomes nearly the colour of the page, and no colour stands out less from it than in a light theme.
    const style = document.createElement("style");
    style.textContent = `
        [data-jp-theme-light="false"] :is(
            .jp-RenderedSVG img, .jp-RenderedHTML svg, .jp-RenderedHTML img[src^="data:image/svg"]
        ) { filter: invert(0.93) hue-rotate(180deg); }`;
    document.head.append(style);

    // On a wide screen the outline of the notebook is open at first. Once; from then on it is as the reader left it.
    const SEEN = "zero-init:outline";
    const outline = {
        id: "zero-init:outline",
        autoStart: true,
        activate: (app) => {
            // Not awaited: JupyterLab restores the windows once all extensions are active.
            app.restored.then(() => {
                if (innerWidth < 1200 || localStorage.getItem(SEEN)) return;
                app.shell.activateById("table-of-contents");
                localStorage.setItem(SEEN, "opened");
            });
        },
    };

    const modules = { "./extension": { __esModule: true, default: outline } };
    (window._JUPYTERLAB ??= {})["zero-init"] = { init: () => {}, get: async (name) => () => modules[name] };
})();
