// Renders each Mermaid block in place. Without Mermaid (`npm` was missing at the build) the blocks stay readable text.
(async () => {
  if (!globalThis.mermaid) return;
  const chosen = document.body.dataset.theme;
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
  for (const [number, block] of [...document.querySelectorAll("div.highlight-mermaid pre")].entries()) {
    try {
      const { svg } = await mermaid.render(`diagram-${number}`, block.textContent);
      const figure = document.createElement("figure");
      figure.className = "diagram";
      figure.innerHTML = svg;
      block.closest("div.highlight-mermaid").replaceWith(figure);
    } catch (error) {
      console.error("The diagram stays text:", error);
    }
  }
})();
