"""Opens pages that 'refrain explain --html' and 'refrain tune --html' wrote in headless Chromium, and says what is wrong.

Each page is opened as a file, wide and light, and narrow (390 pixels) and dark. It must raise no error of a script, ask no
network, name its parts for a screen reader, be reached by the keyboard, be readable against its ground, and fit the screen.

Usage: report_pages.py FOLDER PAGE…       pictures go to FOLDER (needs chromium, chromium-driver and the package selenium)

Ends with status 1 if anything is wrong.
"""

import pathlib
import shutil
import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

# What is wrong with names, roles and sizes, as the page itself tells. A list of sentences.
PROBLEMS = """
const problems = [];
const seen = element => element.checkVisibility();
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const say = (element, text) => problems.push(
  `${element.tagName.toLowerCase()}${element.id ? '#' + element.id : ''}: ${text}`);
const name = element => {
  const by = element.getAttribute('aria-labelledby');
  if (by) return by.split(' ').map(id => document.getElementById(id)?.textContent ?? '').join(' ').trim();
  return (element.getAttribute('aria-label') ?? '').trim();
};

if (!document.documentElement.lang) problems.push('the page has no language');
if (!document.title.trim()) problems.push('the page has no title');
if (all('h1').length !== 1) problems.push(`there are ${all('h1').length} headings of the first level`);
if (all('main').length !== 1) problems.push(`there are ${all('main').length} main parts`);
let level = 0;
for (const heading of all('h1, h2, h3, h4, h5, h6')) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) say(heading, `'${heading.textContent}' skips a level after ${level}`);
  level = own;
}
const ids = all('[id]').map(element => element.id);
for (const id of new Set(ids)) if (ids.filter(other => other === id).length > 1) problems.push(`the id '${id}' is there twice`);
for (const element of all('[aria-labelledby], [aria-controls], [aria-describedby]'))
  for (const attribute of ['aria-labelledby', 'aria-controls', 'aria-describedby'])
    for (const id of (element.getAttribute(attribute) ?? '').split(' ').filter(Boolean))
      if (!document.getElementById(id)) say(element, `${attribute} names '${id}', which is not there`);
for (const svg of all('svg:not([aria-hidden=true])')) if (svg.getAttribute('role') !== 'img' || !name(svg)) say(svg, 'is no image with a name');
for (const svg of all('svg')) {
  const words = svg.querySelector('text');
  if (!words || !seen(svg)) continue;
  const size = parseFloat(getComputedStyle(words).fontSize) * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  if (size < 8) say(svg, `'${name(svg).slice(0, 30)}' has words of ${size.toFixed(1)} pixels`);
}
for (const image of all('img')) if (!image.hasAttribute('alt')) say(image, 'has no words in its place');
for (const table of all('table')) {
  if (!table.querySelector('th[scope]')) say(table, 'has no headings with a scope');
  const widths = new Set(all('tr', table).map(row => all('th, td', row).reduce((sum, cell) => sum + cell.colSpan, 0)));
  if (widths.size > 1) say(table, `has rows of ${[...widths].join(' and ')} fields`);
}
for (const part of all('section, article, nav, [role=region], [role=tablist], [role=tabpanel], [role=group]'))
  if (!name(part)) say(part, 'has no name');
for (const control of all('button, a[href], summary, input, select, textarea')) {
  const label = name(control) || control.textContent.trim() || [...(control.labels ?? [])].map(l => l.textContent).join('');
  if (!label.trim()) say(control, 'has no name');
}
// What moves within itself must be reached by the keyboard, to be moved by it.
for (const element of all('body *')) {
  if (!seen(element) || element.closest('svg')) continue;
  const style = getComputedStyle(element);
  const moves = /auto|scroll/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1
    || /auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
  if (moves && element.tabIndex < 0) say(element, `(${element.className}) moves, and the keyboard does not reach it`);
}
for (const element of all('[tabindex="0"]'))
  if (!element.matches('button, a[href], summary, input, select, textarea, ul, ol') && !element.getAttribute('role'))
    say(element, `(${element.className}) is reached by the keyboard, and has no role`);
  else if (!name(element) && !element.textContent.trim()) say(element, 'is reached by the keyboard, and has no name');
for (const element of all('p[aria-label], div[aria-label], span[aria-label]'))
  if (!element.getAttribute('role')) say(element, `(${element.className}) has a name that its kind cannot have`);
const excess = document.documentElement.scrollWidth - innerWidth;
if (excess > 0) {
  const outer = all('body *').filter(element => {
    if (!seen(element) || element.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let above = element.parentElement; above; above = above.parentElement)
      if (getComputedStyle(above).overflowX !== 'visible') return false;
    return true;
  });
  problems.push(`the page is ${excess} pixels wider than the screen: `
    + outer.slice(0, 4).map(element => `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className}`));
}
// Contrast of words with their ground, by WCAG: 4.5, of large ones 3.
const color = text => {
  const parts = text.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
  return [...parts.slice(0, 3), parts[3] ?? 1];
};
const over = (top, ground) => [0, 1, 2].map(i => top[i] * top[3] + ground[i] * (1 - top[3])).concat(1);
const light = rgb => {
  const [r, g, b] = rgb.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const grounds = element => {
  const above = [];
  for (let one = element; one; one = one.parentElement) above.unshift(color(getComputedStyle(one).backgroundColor));
  return above.reduce((ground, top) => over(top, ground), [255, 255, 255, 1]);
};
const pale = new Map();
for (const element of all('body *')) {
  const words = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!words || !seen(element) || /SCRIPT|STYLE/.test(element.tagName)) continue;
  const style = getComputedStyle(element);
  const inside = element.closest('svg');
  const ground = grounds(inside ?? element);
  const ink = over(color(inside ? style.fill : style.color), ground);
  const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700 ? 3 : 4.5;
  if (ratio < least) {
    const kind = `${element.tagName.toLowerCase()} in ${element.parentElement.tagName.toLowerCase()}`;
    if (!pale.has(kind)) pale.set(kind, `${kind}: '${element.textContent.trim().slice(0, 30)}' has a contrast of ${ratio.toFixed(1)}`);
  }
}
return problems.concat([...pale.values()]);
"""


def browser(width, height, dark):
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # By its path: otherwise selenium asks elsewhere which one there is.
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    resize(driver, width, height)
    return driver


def resize(driver, width, height):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})


def tab_problems(driver):
    """Tabs are chosen by arrows, Home and End, and each shows its panel alone."""
    problems = []
    for tabs in driver.find_elements(By.CSS_SELECTOR, "[role=tablist]"):
        buttons = tabs.find_elements(By.CSS_SELECTOR, "[role=tab]")
        if not buttons:
            problems.append("a list of tabs is empty")
            continue
        buttons[0].click()
        for key, place in ((Keys.ARROW_RIGHT, 1), (Keys.END, -1), (Keys.ARROW_RIGHT, 0), (Keys.ARROW_LEFT, -1), (Keys.HOME, 0)):
            driver.switch_to.active_element.send_keys(key)
            wanted = buttons[place % len(buttons)]
            chosen = [button for button in buttons if button.get_attribute("aria-selected") == "true"]
            panels = [driver.find_element(By.ID, button.get_attribute("aria-controls")) for button in buttons]
            shown = [panel for panel in panels if panel.is_displayed()]
            if driver.switch_to.active_element != wanted or chosen != [wanted]:
                problems.append(f"the key {key!r} does not choose the tab '{wanted.text}'")
            elif shown != [panels[place]]:
                problems.append(f"the tab '{wanted.text}' does not show its panel alone")
    return problems


def check(page, folder, width, height, dark):
    driver = browser(width, height, dark)
    kind = f"{'narrow' if width < 600 else 'wide'}-{'dark' if dark else 'light'}"
    try:
        driver.get(page.resolve().as_uri())
        problems = driver.execute_script(PROBLEMS) + tab_problems(driver)
        # The same with everything shown that is folded away.
        driver.execute_script(
            "for (const one of document.querySelectorAll('details')) one.open = true;"
            "for (const one of document.querySelectorAll('[role=tabpanel]')) one.hidden = false;")
        problems += [text for text in driver.execute_script(PROBLEMS) if text not in problems]
        driver.get(page.resolve().as_uri())
        resize(driver, width, min(driver.execute_script("return document.documentElement.scrollHeight"), 6000))
        driver.save_screenshot(str(folder / f"{page.stem}-{kind}.png"))
        problems += [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        for entry in driver.get_log("performance"):
            message = entry["message"]
            if "Network.requestWillBeSent\"" in message and any(f"\"url\":\"{start}" in message for start in ("http", "ws", "ftp")):
                problems.append(f"asks the network: {message[:300]}")
    finally:
        driver.quit()
    print(f"{page.name} {kind}: " + ("is well" if not problems else f"{len(problems)} faults"), flush=True)
    for problem in problems:
        print("  " + problem)
    return len(problems)


if len(sys.argv) < 3:
    sys.exit(__doc__)
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
faults = 0
for name in sys.argv[2:]:
    for size in ((1200, 900, False), (390, 844, True)):
        faults += check(pathlib.Path(name), folder, *size)
sys.exit(1 if faults else 0)
