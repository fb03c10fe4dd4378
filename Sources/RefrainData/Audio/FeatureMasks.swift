import Refrain

/// Parts of the features that are set to zero while a model trains, so that it leans on no single one: some spans of
/// time, and some neighboring features over all the time (Park et al. 2019, SpecAugment).
public struct FeatureMasks: Codable, Sendable, Equatable {
  /// How many spans of time are masked.
  public var timeCount: Int
  /// The longest span, as a part of the recording.
  public var timePart: Float
  /// How many spans of features are masked.
  public var featureCount: Int
  /// The longest span, as a part of the features.
  public var featurePart: Float

  /// Masks; by default two spans of time of at most 5 % and one of features of at most 15 %.
  public init(timeCount: Int = 2, timePart: Float = 0.05, featureCount: Int = 1, featurePart: Float = 0.15) {
    self.timeCount = timeCount
    self.timePart = timePart
    self.featureCount = featureCount
    self.featurePart = featurePart
  }

  /// No masks.
  public static let none = FeatureMasks(timeCount: 0, featureCount: 0)

  /// The batch `[B, T, I]` with masks drawn for each sequence.
  ///
  /// - Parameters:
  ///   - lengths: The steps of each sequence.
  ///   - width: The features of a row without changes and stacking: what stands `width` further on is the same feature.
  public func callAsFunction(
    _ batch: Tensor, lengths: [Int], width: Int, using generator: inout RandomGenerator
  ) -> Tensor {
    guard timeCount > 0 || featureCount > 0 else { return batch }
    let (time, size) = (batch.shape[1], batch.shape[2])
    var copy = batch
    copy.withUnsafeMutableValues { values in
      for (row, length) in lengths.enumerated() {
        let start = row * time * size
        for _ in 0..<timeCount {
          let span = draw(length, timePart, &generator)
          for place in start + span.lowerBound * size..<start + span.upperBound * size { values[place] = 0 }
        }
        for _ in 0..<featureCount {
          let span = draw(width, featurePart, &generator)
          guard !span.isEmpty else { continue }
          for step in 0..<length {
            for column in 0..<size where span.contains(column % width) { values[start + step * size + column] = 0 }
          }
        }
      }
    }
    return copy
  }

  private func draw(_ count: Int, _ part: Float, _ generator: inout RandomGenerator) -> Range<Int> {
    let longest = min(count, Int((Float(count) * part).rounded()))
    guard longest > 0 else { return 0..<0 }
    let length = generator.integer(below: longest + 1)
    let start = generator.integer(below: count - length + 1)
    return start..<start + length
  }
}
