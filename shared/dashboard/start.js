// Starts the dashboard. Where one of its files did not come, because the network changed say, the
// page is loaded once more by itself.

const SECONDS = 2;

try {
  await import("./app.js");
} catch (error) {
  console.warn(error);
  const again = performance.getEntriesByType("navigation").at(0)?.type !== "reload";
  document.getElementById("opening").textContent = again
    ? "The dashboard did not load completely. It is loaded once more …"
    : "The dashboard did not load completely. Please reload the page in a minute.";
  if (again) setTimeout(() => location.reload(), SECONDS * 1000);
}
