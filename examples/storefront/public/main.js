// Router of the shop: shows the view of the URL fragment, and subscribes to events.
import { showComparison } from "./compare_view.js";
import { count } from "./comparison.js";
import { showDetail } from "./detail_view.js";
import { byId, element } from "./elements.js";
import { follow } from "./live.js";
import { showMine } from "./mine_view.js";
import { showSearch } from "./search_view.js";

let navigation = new AbortController();
/** @type {string | undefined} */
let currentPath;

async function show() {
  navigation.abort();
  navigation = new AbortController();
  const { signal } = navigation;
  const address = location.hash;
  const [path = "/", query = ""] = address.slice(1).split("?");
  const view = byId("view");
  view.setAttribute("aria-busy", "true");
  const [, name, id = ""] = path.split("/");
  try {
    if (name === "diamond") await showDetail(view, decodeURIComponent(id), signal);
    else if (name === "compare") await showComparison(view, signal);
    else if (name === "mine") await showMine(view, signal);
    else await showSearch(view, new URLSearchParams(query), signal);
  } catch (error) {
    if (!signal.aborted) view.replaceChildren(element("h1", {}, "The shop is not available"), element("p", {}, /** @type {Error} */ (error).message));
  }
  if (signal.aborted) return;
  view.removeAttribute("aria-busy");
  view.dataset.address = address;
  if (currentPath !== undefined && currentPath !== path) scrollTo(0, 0);
  currentPath = path;
}

addEventListener("hashchange", () => void show());
count();
follow(() => void show());
void show();
