"""Looks at the server's page in headless Chromium: light and dark, wide and narrow; streams, asks, and takes pictures.

Usage: python3 -P page_check.py URL FOLDER       (needs chromium, chromium-driver and the package selenium; without -P
                                                 websocket.py beside it would stand in the way of another module)
"""

import shutil
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def browser(width, height, dark):
    options = webdriver.ChromeOptions()
    # A microphone that beeps, which nobody has to allow.
    sound = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={width},{height}", *sound):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # By its path: otherwise selenium asks elsewhere which one there is.
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    return driver


def check(url, folder, name, width, height, dark):
    driver = browser(width, height, dark)
    shown = lambda id: driver.find_element(By.ID, id)
    wait = WebDriverWait(driver, 60)
    try:
        driver.get(url)
        wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#models button"))
        for place, button in enumerate(driver.find_elements(By.CSS_SELECTOR, "#models button")):
            button.click()
            wait.until(lambda _: shown("name").text == button.text.split("\n")[0])
            if shown("write").is_displayed():
                shown("write").click()
                wait.until(lambda _: len(shown("written").text) > 10 or shown("sessionProblem").text)
                assert not shown("sessionProblem").text, shown("sessionProblem").text
            if shown("session").is_displayed() and shown("steps").get_attribute("value"):
                shown("play").click()
                wait.until(lambda _: shown("sessionState").text.startswith("60 steps"))
                assert driver.find_elements(By.CSS_SELECTOR, "#gates canvas"), "no gates are shown"
                ink = driver.execute_script(
                    "const c = document.querySelector('#gates canvas');"
                    "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0)")
                assert ink, "the gates are empty"
                shown("snapshot").click()
                wait.until(lambda _: shown("sessionState").text.startswith("snapshot"))
                shown("restore").click()
                wait.until(lambda _: shown("sessionState").text.startswith("back after 60"))
                assert not shown("sessionProblem").text, shown("sessionProblem").text
            # A model of recordings takes a file, or what is said; one of images a file, or what is drawn.
            if shown("send").is_displayed():
                kind = shown("purpose").text
                if "language" in kind:
                    shown("data").send_keys("the ")
                elif shown("data").is_displayed() and "class" in kind.lower():
                    shown("data").send_keys("good film\nbad film\n")
                elif shown("record").is_displayed():
                    shown("record").click()
                    time.sleep(2)
                    shown("record").click()
                    wait.until(lambda _: shown("fileName").text.startswith("recording.wav"))
                elif shown("drawing").is_displayed():
                    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", shown("drawing"))
                    line = ActionChains(driver).move_to_element_with_offset(shown("drawing"), -50, -60).click_and_hold()
                    line.move_by_offset(100, 0).move_by_offset(-50, 120).release().perform()
                shown("send").click()
                wait.until(lambda _: len(shown("text").text) > 10 or driver.find_elements(By.CSS_SELECTOR, "#answers td")
                           or shown("problem").text)
                time.sleep(1)
                print(shown("name").text, "problem:", shown("problem").text)
            height = driver.execute_script("return document.documentElement.scrollHeight")
            overflow = driver.execute_script("return document.documentElement.scrollWidth > innerWidth")
            assert not overflow, "the page is wider than the screen"
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
                "width": width, "height": min(height, 2400), "deviceScaleFactor": 1, "mobile": width < 600})
            driver.save_screenshot(f"{folder}/{name}-{place}.png")
        errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        assert not [error for error in errors if "400" not in error["message"]], errors
        requests = [entry["message"] for entry in driver.get_log("performance") if "requestWillBeSent\"" in entry["message"]]
        outside = [text for text in requests if "\"url\":\"http" in text and url.split("//")[1].split("/")[0] not in text]
        assert not outside, outside
        print(name, "is well;", len(requests), "requests, none to elsewhere")
    finally:
        driver.quit()


url, folder = sys.argv[1:3]
check(url, folder, "wide-light", 1200, 900, False)
check(url, folder, "narrow-dark", 390, 844, True)
