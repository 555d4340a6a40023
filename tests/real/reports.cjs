// Reads the reports of a run with HdrHistogram's JavaScript and looks at the page in headless Chromium; prints what was
// found as one line of JSON.
//
//     node reports.cjs FOLDER [PICTURES]
//
// With PICTURES the page is also kept there as pictures: light, dark, phone.

const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");
const { build, decodeFromCompressedBase64 } = require("hdr-histogram-js");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const views = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 375, height: 800 }, colorScheme: "light", hasTouch: true },
};

// The log's intervals of one trend, added up and printed by the library.
function distribution(folder) {
  const whole = build({ numberOfSignificantValueDigits: 3, autoResize: true });
  for (const line of fs.readFileSync(path.join(folder, "run.hlog"), "utf8").split("\n")) {
    if (line.startsWith("Tag=response,")) whole.add(decodeFromCompressedBase64(line.split(",").pop()));
  }
  return whole.outputPercentileDistribution(5, 1e6);
}

async function look(browser, page_url, [name, view], pictures) {
  const context = await browser.newContext({ ...view, offline: true });
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => noise.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => noise.push(`error: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== page_url) noise.push(`request: ${request.url()}`);
  });
  await page.goto(page_url);
  if (pictures) await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
  const seen = await page.evaluate(() => ({
    first: document.body.innerText.trim().split("\n")[0],
    background: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - innerWidth,
    charts: document.querySelectorAll("figure [role=img] > svg").length,
    drawn: [...document.querySelectorAll("figure [role=img] > svg")].every((svg) => svg.querySelector("polyline")),
  }));
  // Run before the accessibility check, which is a script and no part of the page.
  const silent = noise.length === 0;
  const result = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
  const barriers = result.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`);
  await context.close();
  return { ...seen, noise: silent ? [] : noise, barriers };
}

async function paper(browser, page_url) {
  const page = await browser.newPage({ colorScheme: "dark" });
  await page.goto(page_url);
  await page.emulateMedia({ media: "print" });
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const pdf = await page.pdf({ format: "A4" });
  return { background, pdf: pdf.subarray(0, 5).toString() };
}

async function main() {
  const [folder, pictures] = process.argv.slice(2);
  const page_url = pathToFileURL(path.resolve(folder, "run.html")).href;
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    const seen = {};
    for (const view of Object.entries(views)) seen[view[0]] = await look(browser, page_url, view, pictures);
    const found = { distribution: distribution(folder), views: seen, paper: await paper(browser, page_url) };
    console.log(JSON.stringify(found));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
