import Refrain

/// What is known of a sound at each of its frames, a row a frame: `[count, width]`.
public struct FeatureFrames: Sendable, Equatable {
  /// The values, row after row.
  public var values: [Float]
  /// The values of a row.
  public let width: Int
  /// The number of rows.
  public var count: Int { values.count / width }

  /// Rows of values, `width` each.
  public init(_ values: [Float], width: Int) {
    precondition(width > 0 && values.count % width == 0, "\(values.count) values are no rows of \(width)")
    self.values = values
    self.width = width
  }

  /// A row.
  public subscript(row: Int) -> ArraySlice<Float> { values[row * width..<(row + 1) * width] }

  /// The rows with their changes beside them, and the changes of these (``DeltaStage``).
  ///
  /// - Parameter orders: 0 gives the rows as they are, 1 adds Δ, 2 adds Δ and ΔΔ.
  public func withDeltas(_ orders: Int) -> FeatureFrames {
    guard orders > 0 else { return self }
    var stream = DeltaStream(orders: orders, width: width)
    var result: [Float] = []
    result.reserveCapacity(values.count * (orders + 1))
    for row in 0..<count { stream.add(self[row], to: &result) }
    stream.finish(to: &result)
    return FeatureFrames(result, width: width * (orders + 1))
  }

  /// Every `size` rows side by side as one: a third of the steps for the network, each as wide as three. What is
  /// missing to the last is its last row again.
  public func stacked(_ size: Int) -> FeatureFrames {
    guard size > 1, count > 0 else { return self }
    var result = values
    while result.count % (size * width) != 0 { result += self[count - 1] }
    return FeatureFrames(result, width: size * width)
  }

  /// The sums of each column and of its squares, to normalize by.
  public var moments: FeatureMoments {
    var moments = FeatureMoments(width: width)
    moments.add(self)
    return moments
  }

  /// The rows less the means of the columns, over their deviations.
  public func normalized(by moments: FeatureMoments) -> FeatureFrames {
    normalized(means: moments.means, deviations: moments.deviations)
  }

  /// The rows less some means, over some deviations; one of almost 0 counts as a little more.
  public func normalized(means: [Float], deviations: [Float]) -> FeatureFrames {
    let factors = deviations.map { 1 / max($0, 1e-5) }
    var copy = self
    for row in 0..<count {
      for column in 0..<width {
        copy.values[row * width + column] = (values[row * width + column] - means[column]) * factors[column]
      }
    }
    return copy
  }

  /// Some sequences of rows together, `[B, T, width]`, with zeros behind the shorter ones.
  public static func batch(_ sequences: [FeatureFrames]) -> StepValues {
    let (time, width) = (sequences.map(\.count).max() ?? 0, sequences.first?.width ?? 1)
    var values: [Float] = []
    values.reserveCapacity(sequences.count * time * width)
    for sequence in sequences {
      values += sequence.values
      values += repeatElement(0, count: (time - sequence.count) * width)
    }
    return StepValues(
      Tensor(values, shape: [sequences.count, time, width]), steps: Steps(lengths: sequences.map(\.count)))
  }
}

/// Sums over rows, from which means and deviations of columns follow: of a recording, or all of a speaker's.
public struct FeatureMoments: Sendable {
  private var sums: [Double]
  private var squares: [Double]
  private var count = 0.0

  /// Nothing yet.
  public init(width: Int) {
    sums = Array(repeating: 0, count: width)
    squares = sums
  }

  /// Adds the rows of a recording.
  public mutating func add(_ frames: FeatureFrames) {
    count += Double(frames.count)
    for row in 0..<frames.count {
      for column in 0..<frames.width {
        let value = Double(frames.values[row * frames.width + column])
        sums[column] += value
        squares[column] += value * value
      }
    }
  }

  /// The means of the columns.
  public var means: [Float] { sums.map { Float($0 / max(1, count)) } }
  /// The deviations of the columns.
  public var deviations: [Float] {
    zip(sums, squares).map { sum, square in
      let mean = sum / max(1, count)
      return Float(max(0, square / max(1, count) - mean * mean).squareRoot())
    }
  }
}
