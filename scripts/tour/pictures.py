"""Small pictures of pages: WebP made by the browser itself, written again only when the page really changed."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import Browser, Page

_ENCODE = """async ({data, width, quality}) => {
  const picture = await createImageBitmap(await (await fetch(data)).blob());
  const height = Math.round(picture.height * width / picture.width);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  const blob = await canvas.convertToBlob({type: "image/webp", quality});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""
_COMPARE = """async ({one, other}) => {
  const pixels = async (data) => {
    const picture = await createImageBitmap(await (await fetch(data)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, picture.width, picture.height);
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  let different = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    const furthest = Math.max(...[0, 1, 2].map((channel) => Math.abs(a.data[at + channel] - b.data[at + channel])));
    if (furthest > 40) different += 1;
  }
  return different / (a.data.length / 4);
}"""


class Album:
    """A folder of WebP pictures. Encodes and compares in a page of its own, so that nothing has to be installed."""

    def __init__(self, browser: Browser, folder: Path, *, quality: float = 0.62) -> None:
        self._page: Page = browser.new_page()
        self._folder, self._quality = folder, quality
        self.written: list[str] = []
        self.kept: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, png: bytes, *, width: int, tolerance: float) -> None:
        """Keep `png` as `name`.webp, `width` pixels wide; the picture that is there stays when no more than `tolerance`
        (a share of the pixels) differ: numbers and minutes change from run to run."""
        path = self._folder / f"{name}.webp"
        given = {"data": _data(png, "png"), "width": width, "quality": self._quality}
        made = base64.b64decode(self._page.evaluate(_ENCODE, given))
        if path.exists() and self._differs(path.read_bytes(), made) <= tolerance:
            self.kept.append(name)
            return
        path.write_bytes(made)
        self.written.append(name)

    def address(self, name: str) -> str:
        """A picture as an address that a page can show."""
        return _data((self._folder / f"{name}.webp").read_bytes(), "webp")

    def sweep(self) -> list[str]:
        """Remove the pictures that nobody took this time; their names."""
        taken = {*self.written, *self.kept}
        gone = [path for path in self._folder.glob("*.webp") if path.stem not in taken]
        for path in gone:
            path.unlink()
        return [path.stem for path in gone]

    def size(self) -> int:
        """Bytes of all pictures."""
        return sum(path.stat().st_size for path in self._folder.glob("*.webp"))

    def _differs(self, old: bytes, new: bytes) -> float:
        return float(self._page.evaluate(_COMPARE, {"one": _data(old, "webp"), "other": _data(new, "webp")}))


def _data(picture: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"
