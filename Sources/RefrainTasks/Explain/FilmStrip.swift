import Refrain
import RefrainData
import RefrainFoundation

/// Frames as pictures that stand in the page itself, with the parts of their pixels as colors over them.
struct FilmStrip {
  let clip: Clip
  /// `[frames, rows, columns]`; nil shows the frames as they are.
  var parts: Tensor?
  /// A name for each frame.
  let names: [String]
  let label: String

  /// Of more frames those with the greatest parts are shown, one of each stretch.
  private static let mostFrames = 40
  /// Of larger frames a pixel is the mean of several.
  private static let mostPlaces = 128
  /// The deepest color stands for the part that one of so many pixels exceeds.
  private static let deepest = 100
  private static let colors: (plus: [Float], minus: [Float]) = ([236, 106, 22], [48, 118, 226])

  /// The rules of style for it.
  static let style = """
    .film { display: flex; flex-wrap: wrap; gap: 12px; list-style: none; margin: 12px 0; padding: 0; max-height: 34rem;
      overflow-y: auto; }
    .film img { display: block; width: 116px; height: auto; image-rendering: pixelated; border: 1px solid var(--line); }
    .film li:only-child img { width: 232px; }
    .film span { display: block; color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
    """

  var markup: String {
    let sums = parts.map { $0.sum(axes: [1, 2]).values }
    let shown = Attribution.windows(of: clip.count, atMost: Self.mostFrames).compactMap { window in
      window.max { abs(sums?[$0] ?? 0) < abs(sums?[$1] ?? 0) || sums == nil && $0 > $1 }
    }
    let pictures = pictures(of: shown)
    let items = zip(shown, pictures).map { frame, picture in
      let part = sums.map { HTMLPage.short(Double($0[frame])) }
      let name = escapedHTML(names[frame])
      return "<li><img alt=\"\(name)\(part.map { ", part \($0)" } ?? "")\" width=\"\(picture.columns)\" "
        + "height=\"\(picture.rows)\" src=\"data:image/png;base64,\(Data(picture.png(frame: 0)).base64EncodedString())\">"
        + "<span>\(name)</span>\(part.map { "<span>\($0)</span>" } ?? "")</li>"
    }
    let note = shown.count < clip.count ? "<p class=\"note\">\(shown.count) of \(clip.count) frames.</p>" : ""
    return "\(note)<ul class=\"film\" tabindex=\"0\" aria-label=\"\(escapedHTML(label))\">\(items.joined())</ul>"
  }

  /// A picture of each of some frames.
  private func pictures(of frames: [Int]) -> [Clip] {
    let (rows, columns) = (min(clip.rows, Self.mostPlaces), min(clip.columns, Self.mostPlaces))
    let format = FrameFormat(rows: rows, columns: columns, isGray: parts == nil ? nil : true)
    let grounds = frames.map { clip[$0..<$0 + 1].formatted(as: format) }
    guard let parts else { return grounds }
    let (down, across) = (
      Attribution.windows(of: clip.rows, atMost: rows), Attribution.windows(of: clip.columns, atMost: columns)
    )
    let all = parts.values
    let means = frames.map { frame in
      down.flatMap { high in
        across.map { wide -> Float in
          var sum: Float = 0
          for row in high { for column in wide { sum += all[(frame * clip.rows + row) * clip.columns + column] } }
          return sum / Float(high.count * wide.count)
        }
      }
    }
    let sizes = means.joined().map { abs($0) }.sorted(by: >)
    let most = max(sizes.isEmpty ? 0 : sizes[sizes.count / Self.deepest], .leastNormalMagnitude)
    return zip(grounds, means).map { ground, means in
      var values: [UInt8] = []
      values.reserveCapacity(3 * means.count)
      for (shade, mean) in zip(ground.values, means) {
        // The frame is held in the middle, so that colors stand out on black and on white.
        let (gray, depth) = (40 + 0.7 * Float(shade), mean.isFinite ? min(1, abs(mean) / most) * 0.9 : 0)
        for color in mean > 0 ? Self.colors.plus : Self.colors.minus {
          values.append(UInt8((gray + (color - gray) * depth).rounded()))
        }
      }
      return Clip(values: values, rows: rows, columns: columns, channels: 3)
    }
  }
}
