// Swagger UI over /openapi.json. The key that is entered stays in this page and is gone with it.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  // The document is this server's own; it is not sent to a validator elsewhere.
  validatorUrl: null,
  // Colors of a page of 50 diamonds take seconds.
  syntaxHighlight: false,
});
