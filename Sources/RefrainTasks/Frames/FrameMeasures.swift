import Refrain
import RefrainFoundation

/// How far frames are from those that followed, step by step, beside the last frame that was seen, repeated.
struct FrameMeasures {
  /// Sums over clips, of one step.
  private struct Sums {
    var squares = 0.0
    var distances = 0.0
    var similarity = 0.0
  }

  private var own: [Sums]
  private var repeated: [Sums]
  private(set) var clips = 0
  private var frameSize = 1

  init(steps: Int) {
    own = Array(repeating: Sums(), count: steps)
    repeated = own
  }

  /// Adds clips.
  ///
  /// - Parameters:
  ///   - found: `[B, steps, rows, columns, C]`, from 0 to 1.
  ///   - truth: the same of what followed.
  ///   - last: `[B, 1, rows, columns, C]`, the last frame that was seen.
  mutating func add(_ found: Tensor, _ truth: Tensor, last: Tensor) {
    let (rows, columns, channels) = (truth.shape[2], truth.shape[3], truth.shape[4])
    frameSize = rows * columns * channels
    clips += truth.shape[0]
    let (found, truth, last) = (found.values, truth.values, last.values)
    for step in own.indices {
      for clip in 0..<truth.count / (frameSize * own.count) {
        let start = (clip * own.count + step) * frameSize
        let wanted = truth[start..<start + frameSize]
        Self.add(found[start..<start + frameSize], wanted, rows, columns, channels, to: &own[step])
        Self.add(last[clip * frameSize..<(clip + 1) * frameSize], wanted, rows, columns, channels, to: &repeated[step])
      }
    }
  }

  private static func add(
    _ found: ArraySlice<Float>, _ truth: ArraySlice<Float>, _ rows: Int, _ columns: Int, _ channels: Int,
    to sums: inout Sums
  ) {
    let size = Double(found.count)
    for (value, wanted) in zip(found, truth) {
      let difference = Double(value - wanted)
      sums.squares += difference * difference / size
      sums.distances += abs(difference) / size
    }
    sums.similarity += structuralSimilarity(
      Array(found), Array(truth), rows: rows, columns: columns, channels: channels)
  }

  /// The measures with those of the baseline, and a table of the steps.
  var evaluation: TaskEvaluation {
    func measures(_ steps: [Sums]) -> [TaskEvaluation.Measure] {
      let count = Double(max(1, clips * steps.count))
      let squares = steps.reduce(0) { $0 + $1.squares } / count
      return [
        .init("meanSquaredError", squares),
        .init("structuralSimilarity", steps.reduce(0) { $0 + $1.similarity } / count),
        .init("meanAbsoluteError", steps.reduce(0) { $0 + $1.distances } / count),
        .init("squaredErrorOfFrame", squares * Double(frameSize)),
      ]
    }
    let count = Double(max(1, clips))
    let rows = own.indices.map { step in
      (
        name: "\(step + 1)",
        values: [own[step].squares, repeated[step].squares, own[step].similarity, repeated[step].similarity]
          .map { $0 / count }
      )
    }
    return TaskEvaluation(
      task: FramePredictor.name, examples: clips, measures: measures(own),
      baselines: [.init("repeatLastFrame", measures(repeated))],
      tables: [
        .init(
          "steps",
          columns: [
            "meanSquaredError", "repeatLastFrame", "structuralSimilarity", "structuralSimilarityOfLastFrame",
          ], rows: rows)
      ])
  }
}

/// How alike two frames are to the eye, 1 for the same (SSIM; Wang et al. 2004): means, variances and covariance under
/// a Gaussian window of 11 × 11 with a deviation of 1.5, of all windows that lie within the frame; the mean over
/// channels. Values are from 0 to 1. Frames below 11 have a smaller window.
///
///     (2 μ_x μ_y + C₁) (2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁) (σ_x² + σ_y² + C₂))    C₁ = 0.01², C₂ = 0.03²
func structuralSimilarity(_ x: [Float], _ y: [Float], rows: Int, columns: Int, channels: Int) -> Double {
  let side = min(11, (min(rows, columns) + 1) / 2 * 2 - 1)
  let weights = (0..<side).map { exp(-pow(Double($0 - side / 2), 2) / (2 * 1.5 * 1.5)) }
  let window = weights.map { $0 / weights.reduce(0, +) }
  let (high, wide) = (rows - side + 1, columns - side + 1)
  /// The means of values under the window, `[high, wide]`.
  func means(_ value: (Int) -> Double) -> [Double] {
    var lines = [Double](repeating: 0, count: rows * wide)
    for row in 0..<rows {
      for column in 0..<wide {
        var sum = 0.0
        for tap in 0..<side { sum += window[tap] * value(row * columns + column + tap) }
        lines[row * wide + column] = sum
      }
    }
    var result = [Double](repeating: 0, count: high * wide)
    for row in 0..<high {
      for column in 0..<wide {
        var sum = 0.0
        for tap in 0..<side { sum += window[tap] * lines[(row + tap) * wide + column] }
        result[row * wide + column] = sum
      }
    }
    return result
  }
  let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03)
  var total = 0.0
  for channel in 0..<channels {
    func a(_ place: Int) -> Double { Double(x[place * channels + channel]) }
    func b(_ place: Int) -> Double { Double(y[place * channels + channel]) }
    let (meanX, meanY) = (means(a), means(b))
    let (squareX, squareY, product) = (means { a($0) * a($0) }, means { b($0) * b($0) }, means { a($0) * b($0) })
    for place in meanX.indices {
      let (mx, my) = (meanX[place], meanY[place])
      let (vx, vy, vxy) = (squareX[place] - mx * mx, squareY[place] - my * my, product[place] - mx * my)
      total += (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    }
  }
  return total / Double(channels * high * wide)
}
