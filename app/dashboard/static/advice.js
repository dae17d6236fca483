// The cause of a run without success, and the next step, by the code of its error.
const SUPPLIER = "supplier";
const ADVICE = {
  MASS_DELETE_STOPPED: ["safety check", "Look at the diamonds that would be deleted. If the supplier really has no longer any of them, allow the deletion; otherwise start a new run.", "allow"],
  QUARANTINE_EXCEEDED: ["safety check", "Look at the quarantined items. If the feed was wrong and is repaired, start a new run. If the items really are bad, allow the quarantine.", "quarantine"],
  INCOMPLETE: [SUPPLIER, "The supplier counts more stones than it shows. Read the failed partitions again; if it stays so, ask the supplier.", "retry"],
  SUPPLIER_ERROR: [SUPPLIER, "Read the failed partitions again when the supplier answers.", "retry"],
  SUPPLIER_TIMEOUT: [SUPPLIER, "Read the failed partitions again when the supplier answers.", "retry"],
  SUPPLIER_SCHEMA: [SUPPLIER, "The supplier's schema has changed. The page Status names the missing members.", null],
  COVERAGE_UNPROVEN: [SUPPLIER, "The supplier's counts contradict each other. Start a new run.", "start"],
  FEED_RESTLESS: [SUPPLIER, "The feed changed faster than it could be read. Start a new run later.", "start"],
  DEADLINE_PASSED: ["time", "Read the partitions that are left.", "retry"],
  PLANNING_ABANDONED: ["process", "The process that planned the run ended. Start a new run.", "start"],
  WATERMARK_IN_FUTURE: ["watermark", "Set the watermark to the right instant with `diamonds-sync watermark set`, then start a new run.", null],
  WATERMARK_UNREADABLE: ["watermark", "Set the watermark with `diamonds-sync watermark set`, then start a new run.", null],
};

const REFUSED = {
  origin: SUPPLIER,
  text: "The supplier refused the login. Check `NIVODA_USERNAME` and `NIVODA_PASSWORD`, or ask the supplier to unlock the account. When the page Status shows that the login works, start a new run.",
  action: "start",
};
const UNPLANNED = { text: "Nothing was read yet. When the page Status shows that the supplier answers, start a new run.", action: "start" };

export function adviceFor(run) {
  if (run.status === "PARTIAL" || run.status === "FAILED") {
    if (run.error?.code === "SUPPLIER_ERROR" && run.error.message?.includes("refused the credentials")) return REFUSED;
    const [origin, text, action] = ADVICE[run.error?.code] ?? [null, null, null];
    if (action === "retry" && !run.progress?.total) return { ...UNPLANNED, origin };
    if (text) return { origin, text, action };
    return run.progress?.failed
      ? { origin: "partitions", text: "Some partitions failed. Read them again.", action: "retry" }
      : { origin: "service", text: "Look at the message and at the log below. Start a new run when the cause is repaired.", action: "start" };
  }
  return null;
}
