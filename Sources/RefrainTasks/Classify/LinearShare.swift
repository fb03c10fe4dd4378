/// How much a linear model of a row's words and numbers is heard beside the networks: both err, but seldom on the same
/// rows, and a weighted sum of their scores is right more often than either (stacking; Wolpert 1992).
///
///     score = (1 − share) · network / Tₙ + share · linear / Tₗ
///
/// Each is first calibrated by itself, with the temperatures Tₙ and Tₗ. Of series, whose means and extremes say much
/// where there are few rows, the sum was the better one; of texts it was not, and there it is not made.
struct LinearShare: Codable, Sendable, Equatable {
  /// 0 where the networks are heard alone.
  private(set) var share = 0.0
  private(set) var networkTemperature = 1.0
  private(set) var linearTemperature = 1.0

  /// Fewer held-out rows do not tell.
  static let least = 100

  /// The networks alone.
  init() {}

  /// The share with which held-out rows are most probable.
  ///
  /// - Parameters:
  ///   - network: The networks' scores of each row, class by class.
  ///   - linear: Those of the linear model.
  ///   - labels: The classes.
  ///   - truths: The classes of each row.
  init(network: [Float], linear: [Float], _ labels: Labels, _ truths: [[Int]]) {
    guard truths.count >= Self.least else { return }
    let calibrations = (Calibration(network, labels, truths), Calibration(linear, labels, truths))
    var found = LinearShare()
    (found.networkTemperature, found.linearTemperature) = (calibrations.0.temperature, calibrations.1.temperature)
    var best = calibrations.0.loss(network, labels, truths)
    for tenths in 1...9 {
      found.share = Double(tenths) / 10
      let scores = found.scores(network: network, linear: linear)
      let loss = Calibration(scores, labels, truths).loss(scores, labels, truths)
      if loss < best { (best, self) = (loss, found) }
    }
  }

  /// The sum of both.
  func scores(network: [Float], linear: [Float]) -> [Float] {
    guard share > 0 else { return network }
    let weights = (Float((1 - share) / networkTemperature), Float(share / linearTemperature))
    return zip(network, linear).map { weights.0 * $0 + weights.1 * $1 }
  }

  /// Whether it can be; somebody may have forged it.
  var isSound: Bool {
    0..<1 ~= share && [networkTemperature, linearTemperature].allSatisfy { $0.isNormal && $0 > 0 }
  }
}
