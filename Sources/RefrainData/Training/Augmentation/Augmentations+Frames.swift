import Refrain
import RefrainFoundation

extension Augmentations {
  /// Images and clips in other forms, each by draws of its own; all frames of a clip are moved, turned and erased
  /// alike.
  ///
  /// - Parameter input: `[B, T, rows, columns, C]`
  public func changed(frames input: StepValues, using generator: inout RandomGenerator) -> StepValues {
    guard !only(Augmentation.Content.frames.kinds.filter { $0 != .mixup }).isEmpty else { return input }
    let shape = input.values.shape
    let size = FrameSize(rows: shape[2], columns: shape[3], channels: shape[4])
    var values = input.values.values
    for example in 0..<shape[0] {
      let count = min(input.steps.lengths?[example] ?? shape[1], shape[1])
      let start = example * shape[1] * size.count
      let places = start..<start + count * size.count
      guard !places.isEmpty else { continue }
      if self[.shift] != nil || self[.rotation] != nil {
        let motion = FrameMotion(
          size, angle: self[.rotation].map { $0 * (2 * generator.uniform() - 1) } ?? 0,
          down: moved(size.rows, &generator), right: moved(size.columns, &generator))
        for first in stride(from: start, to: places.upperBound, by: size.count) {
          let frame = motion(values[first..<first + size.count])
          values.replaceSubrange(first..<first + size.count, with: frame)
        }
      }
      if let area = self[.erasing] { erase(&values, places, size, area, &generator) }
      if let deviation = self[.noise] { for place in places { values[place] += deviation * generator.normal() } }
    }
    return StepValues(Tensor(values, shape: shape), steps: input.steps)
  }

  /// By how many places a side is moved.
  private func moved(_ side: Int, _ generator: inout RandomGenerator) -> Int {
    guard let share = self[.shift] else { return 0 }
    let most = Int((share * Float(side)).rounded())
    return generator.integer(below: 2 * most + 1) - most
  }

  private func erase(
    _ values: inout [Float], _ places: Range<Int>, _ size: FrameSize, _ most: Float, _ generator: inout RandomGenerator
  ) {
    guard generator.uniform() < 0.5 else { return }
    let area = most * generator.uniform() * Float(size.rows * size.columns)
    // From three times as wide as high to three times as high as wide.
    let aspect = exp(log(Float(3.3)) * (2 * generator.uniform() - 1))
    let rows = min(size.rows, max(1, Int((area * aspect).squareRoot().rounded())))
    let columns = min(size.columns, max(1, Int((area / aspect).squareRoot().rounded())))
    let top = generator.integer(below: size.rows - rows + 1)
    let left = generator.integer(below: size.columns - columns + 1)
    let mean = Float(values[places].reduce(0.0) { $0 + Double($1) } / Double(places.count))
    for first in stride(from: places.lowerBound, to: places.upperBound, by: size.count) {
      for row in top..<top + rows {
        let start = first + (row * size.columns + left) * size.channels
        for place in start..<start + columns * size.channels { values[place] = mean }
      }
    }
  }
}

/// What a frame consists of.
private struct FrameSize {
  let rows: Int
  let columns: Int
  let channels: Int
  var count: Int { rows * columns * channels }
}

/// Moves frames and turns them around their middle. Beyond the edge is what is at the edge.
private struct FrameMotion {
  private let size: FrameSize
  private let (sine, cosine): (Float, Float)
  private let (down, right): (Float, Float)

  /// - Parameters:
  ///   - angle: In degrees.
  ///   - down: Places downward.
  ///   - right: Places to the right.
  init(_ size: FrameSize, angle: Float, down: Int, right: Int) {
    self.size = size
    (sine, cosine) = (sin(angle * .pi / 180), cos(angle * .pi / 180))
    (self.down, self.right) = (Float(down), Float(right))
  }

  func callAsFunction(_ frame: ArraySlice<Float>) -> [Float] {
    let (middle, center) = (Float(size.rows - 1) / 2, Float(size.columns - 1) / 2)
    let start = frame.startIndex
    var result: [Float] = []
    result.reserveCapacity(size.count)
    for row in 0..<size.rows {
      for column in 0..<size.columns {
        let (y, x) = (Float(row) - middle - down, Float(column) - center - right)
        let from = (
          row: min(max(cosine * y - sine * x + middle, 0), Float(size.rows - 1)),
          column: min(max(sine * y + cosine * x + center, 0), Float(size.columns - 1))
        )
        let (top, left) = (Int(from.row), Int(from.column))
        let (bottom, end) = (min(top + 1, size.rows - 1), min(left + 1, size.columns - 1))
        let (low, far) = (from.row - Float(top), from.column - Float(left))
        for channel in 0..<size.channels {
          func value(_ row: Int, _ column: Int) -> Float {
            frame[start + (row * size.columns + column) * size.channels + channel]
          }
          let upper = value(top, left) + far * (value(top, end) - value(top, left))
          let lower = value(bottom, left) + far * (value(bottom, end) - value(bottom, left))
          result.append(upper + low * (lower - upper))
        }
      }
    }
    return result
  }
}
