import RefrainFoundation

/// Brings the values of a series to about zero mean and unit deviation, and forecasts back.
///
/// Fit it on the rows that are trained on, and on no others.
public struct Scaler: Hashable, Sendable, Codable {
  /// What happens to a value before the mean is taken away.
  public enum Transform: Hashable, Sendable, Codable {
    /// Nothing.
    case identity
    /// *x* becomes log(1 + *x* / `unit`): growth by a factor becomes a step of about the same size everywhere.
    case logarithm(unit: Double)
  }

  /// What happens first.
  public let transform: Transform
  /// What is then taken away.
  public let mean: Double
  /// What the rest is divided by; never zero.
  public let deviation: Double

  /// Makes a scaler; `deviation` must not be zero.
  public init(transform: Transform = .identity, mean: Double, deviation: Double) {
    self.transform = transform
    self.mean = mean
    self.deviation = deviation
  }

  /// Standardizes the given values: mean 0 and standard deviation 1 (or 0 throughout, when they are all the same).
  ///
  /// - Parameters:
  ///   - values: At least one finite value.
  ///   - logarithm: Whether to take logarithms first. It is done when no value is negative and some are positive; the
  ///     unit is a tenth of their median, so that the result does not depend on the scale, and zeros stay finite.
  public static func fit(on values: some Collection<Double>, logarithm: Bool = false) -> Scaler {
    let transform = logarithm ? logarithmic(for: values) : .identity
    let transformed = values.map { transform.apply($0) }
    // A mean of quotients, where a sum of values might overflow.
    let count = Double(max(transformed.count, 1))
    let mean = transformed.reduce(0) { $0 + $1 / count }
    let size = transformed.reduce(0) { max($0, abs($1 - mean)) }
    let variance = size > 0 ? transformed.reduce(0) { $0 + ($1 - mean) / size * (($1 - mean) / size) / count } : 0
    let deviation = variance.squareRoot() * size
    // Rounding leaves a trace of deviation in values that are all the same.
    return Scaler(transform: transform, mean: mean, deviation: deviation > 1e-12 * abs(mean) ? deviation : 1)
  }

  /// A value as the model sees it.
  public func scale(_ value: Double) -> Double { (transform.apply(value) - mean) / deviation }

  /// What the model says, as a value.
  public func unscale(_ value: Double) -> Double { transform.invert(value * deviation + mean) }

  /// Values as the model sees them.
  public func scale(_ values: some Collection<Double>) -> [Double] { values.map { scale($0) } }

  /// What the model says, as values.
  public func unscale(_ values: some Collection<Double>) -> [Double] { values.map { unscale($0) } }

  private static func logarithmic(for values: some Collection<Double>) -> Transform {
    let positive = values.filter { $0 > 0 }.sorted()
    guard !positive.isEmpty, values.allSatisfy({ $0 >= 0 }) else { return .identity }
    let unit = positive[positive.count / 2] / 10
    return unit.isNormal ? .logarithm(unit: unit) : .identity
  }
}

extension Scaler.Transform {
  fileprivate func apply(_ value: Double) -> Double {
    switch self {
    case .identity: value
    case .logarithm(let unit): log1p(max(value, 0) / unit)
    }
  }

  fileprivate func invert(_ value: Double) -> Double {
    switch self {
    case .identity: value
    case .logarithm(let unit): expm1(value) * unit
    }
  }
}
