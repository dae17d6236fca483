import createClient from "openapi-fetch";
import type { paths } from "./generated/rest.d.ts";

const client = createClient<paths>({
  baseUrl: process.env.API_URL,
  headers: { "X-API-Key": process.env.API_KEY ?? "" },
});

const { data, error } = await client.GET("/api/v2/diamonds", {
  params: { query: { limit: 2, sort_by: "retail_price_cents", sort_order: "asc" } },
});
if (error) throw new Error(error.error.message);

for (const stone of data.data) console.log(stone.supplierStoneId, stone.retailPriceCents);
