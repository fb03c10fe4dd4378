import Refrain
import RefrainData

/// Frames among the input of an example, of which pictures are drawn with the parts of their pixels.
public struct ExplainedFrames: Sendable {
  /// What they are called.
  public var name: String
  /// The frames as they are shown.
  public var clip: Clip
  /// The steps of the input that hold them: one for each frame, or for each line of a still image.
  let steps: Range<Int>
  /// The values of these steps that are pixels, of which several networks may have a copy each.
  let copies: [Range<Int>]

  /// The part of each pixel `[frames, rows, columns]`, by parts of the input `[T, I]`.
  func pixels(_ parts: Tensor) -> Tensor {
    let own = parts.slice(steps, axis: 0)
    let sums = copies.dropFirst().reduce(own.slice(copies[0], axis: 1)) { $0 + own.slice($1, axis: 1) }
    return sums.reshaped([clip.count, clip.rows, clip.columns, clip.channels]).sum(axes: [3])
  }

  /// For each pixel `[1, rows, columns]` its share of what is said of its area; nil where values are of no areas.
  ///
  /// - Parameter values: One for each of the features.
  func areas(_ values: [Float], _ features: ExplainedExample.Features) -> Tensor? {
    guard case .grouped(_, let places) = features, let copy = copies.first else { return nil }
    var counts = [Float](repeating: 0, count: values.count)
    for value in copy { counts[places[value]] += 1 }
    // All lines of a still image are alike.
    let lines = Float(clip.frameSize / copy.count)
    let line = copy.map { values[places[$0]] / (counts[places[$0]] * lines / Float(clip.channels)) }
    let pixels = (0..<clip.frameSize / line.count).flatMap { _ in line }
    return Tensor(
      stride(from: 0, to: pixels.count, by: clip.channels).map { pixels[$0] }, shape: [1, clip.rows, clip.columns])
  }
}

/// A frame divided into areas, of which something can be said by their names.
struct FrameAreas {
  /// What they are called, such as `rows 1–16, columns 17–32`.
  let names: [String]
  /// For each value of a frame `[rows, columns, channels]` the place of its area.
  let places: [Int]

  /// At most so many rows and columns of areas.
  private static let most = 4

  /// - Parameter rows: Those of a frame; 1 where lines are told apart otherwise.
  init(rows: Int, columns: Int, channels: Int) {
    let high = Attribution.windows(of: rows, atMost: Self.most)
    let wide = Attribution.windows(of: columns, atMost: rows == 1 ? 2 * Self.most : Self.most)
    func name(_ range: Range<Int>, _ one: String) -> String {
      range.count == 1 ? "\(one) \(range.lowerBound + 1)" : "\(one)s \(range.lowerBound + 1)–\(range.upperBound)"
    }
    names = high.flatMap { row in
      wide.map { column in (rows == 1 ? "" : name(row, "row") + ", ") + name(column, "column") }
    }
    func area(_ windows: [Range<Int>]) -> [Int] {
      windows.enumerated().flatMap { index, own in own.map { _ in index } }
    }
    let across = area(wide)
    places = area(high).flatMap { row in
      across.flatMap { [Int](repeating: row * wide.count + $0, count: channels) }
    }
  }
}
