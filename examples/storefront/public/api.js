// Requests to the back end of the shop, which has the API key. The types are generated from schema.graphql (npm run check).

/**
 * @typedef {import("../types/operations").CardFragment & { hold?: { until: string, mine: boolean, id: string | null } | null }} Card
 * @typedef {import("../types/operations").DetailsFragment & Card} Details
 * @typedef {import("../types/operations").FacetsQuery["diamonds"]} Facets
 * @typedef {import("../types/operations").SearchQueryVariables} SearchVariables
 * @typedef {{ code: string, message: string }} Problem
 * @typedef {import("../types/operations").BoughtFragment} Bought
 * @typedef {{ id: string, expiresAt: string | null, price: { formatted: string }, diamond: Card | null }} Hold
 * @typedef {NonNullable<import("../types/operations").MineQuery["purchases"]>["nodes"][number]} Purchase
 */

/**
 * @template T
 * @param {string} action
 * @param {unknown} body
 * @returns {Promise<T>}
 */
async function post(action, body) {
  const response = await fetch(`/shop/api/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? "The shop does not answer.");
  return answer;
}

/** @typedef {{ diamonds: { totalCount: number, nodes: Card[], pageInfo: { hasNextPage: boolean, endCursor?: string | null } } }} Found */

/** @param {SearchVariables} variables @returns {Promise<Found["diamonds"]>} */
export const search = async (variables) => (await post("search", variables)).diamonds;

/** @param {SearchVariables["filter"]} filter @returns {Promise<NonNullable<Facets>>} */
export const facets = async (filter) => (await post("facets", { filter })).diamonds;

/** Read diamonds in the order of the ids; null if a diamond is no longer offered. @param {string[]} ids @returns {Promise<(Details | null)[]>} */
export const diamonds = async (ids) => (await post("diamonds", { ids })).nodes;

/** @param {string} diamondId @returns {Promise<{ hold: { id: string, expiresAt: string } | null, userErrors: Problem[] }>} */
export const hold = (diamondId) => post("hold", { diamondId });

/** @param {string} holdId @returns {Promise<{ userErrors: Problem[] }>} */
export const release = (holdId) => post("release", { holdId });

/**
 * @param {{ diamondId: string, expectedPrice: number, idempotencyKey: string }} order
 * @returns {Promise<{ purchase: { id: string, state: string } | null, userErrors: Problem[] }>}
 */
export const buy = (order) => post("buy", order);

/** @returns {Promise<{ holds: Hold[], purchases: Purchase[] }>} */
export const mine = () => post("mine", {});
