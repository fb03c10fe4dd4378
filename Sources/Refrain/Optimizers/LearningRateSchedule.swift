import RealModule

/// How the learning rate changes as training goes on. The values are those of PyTorch's schedulers.
///
/// A schedule counts epochs unless ``countingSteps`` says otherwise
/// (``oneCycle(maximum:count:rising:divisor:finalDivisor:)`` counts steps from the start). The first has index 0.
///
///     .step(every: 10, factor: 0.5)                                  // halved every ten epochs
///     .warmUp(count: 100, then: .cosine(count: 1000)).countingSteps
public struct LearningRateSchedule: Sendable {
  /// What a schedule counts.
  public enum Interval: Sendable {
    /// Times through the examples.
    case epoch
    /// Steps of the optimizer.
    case step
  }

  private typealias Rule = @Sendable (_ index: Int, _ initial: Double, _ total: Int?) -> Double

  /// What the schedule counts.
  public private(set) var interval = Interval.epoch
  private let rule: Rule
  private var plateau: Plateau?

  /// What a schedule that waits for a plateau has seen; nil for the others.
  struct Memory: Codable, Sendable, Equatable {
    var best = Double.infinity
    var badEpochs = 0
    var cooling = 0
    var reductions = 0
  }

  /// What the schedule has seen, where it follows the loss.
  var memory: Memory? {
    get { plateau?.memory }
    set { if let newValue { plateau?.memory = newValue } }
  }

  private init(_ rule: @escaping Rule) { self.rule = rule }

  /// A schedule of one's own.
  ///
  /// - Parameter rule: takes the index of an epoch or step and the optimizer's own rate, and gives the rate to use.
  public init(_ rule: @escaping @Sendable (_ index: Int, _ initial: Float) -> Float) {
    self.init { index, initial, _ in Double(rule(index, Float(initial))) }
  }

  /// The same schedule, counting steps of the optimizer in place of epochs.
  public var countingSteps: LearningRateSchedule {
    var copy = self
    copy.interval = .step
    return copy
  }

  /// The learning rate at an epoch or step.
  ///
  /// - Parameters:
  ///   - index: of the epoch or step, from 0.
  ///   - initial: the optimizer's own rate.
  ///   - total: how many there will be, for schedules that are not told.
  public func rate(at index: Int, initial: Float, total: Int? = nil) -> Float {
    Float(plateau?.rate(initial: Double(initial)) ?? rule(index, Double(initial), total))
  }

  /// Takes note of a validation loss (or a training loss, without validation); only
  /// ``reduceOnPlateau(factor:patience:threshold:cooldown:minimum:)`` listens.
  public mutating func observe(_ loss: Float) { plateau?.observe(Double(loss)) }
}

extension LearningRateSchedule {
  /// The optimizer's own rate throughout.
  public static let constant = LearningRateSchedule { (_: Int, initial: Double, _: Int?) in initial }

  /// Multiplies the rate by `factor` every so many epochs or steps.
  public static func step(every count: Int, factor: Float = 0.1) -> LearningRateSchedule {
    require(count > 0, "step: the count is \(count), and must be positive")
    return LearningRateSchedule { index, initial, _ in initial * Double.pow(Double(factor), index / count) }
  }

  /// Multiplies the rate by `factor` each epoch or step.
  public static func exponential(factor: Float) -> LearningRateSchedule {
    LearningRateSchedule { index, initial, _ in initial * Double.pow(Double(factor), index) }
  }

  /// Half a cosine wave from the optimizer's rate down to `minimum` (Loshchilov and Hutter 2017, without restarts).
  /// Past `count` the wave goes on, as PyTorch's does.
  ///
  /// - Parameters:
  ///   - count: after how many epochs or steps `minimum` is reached; nil means at the end of training.
  ///   - minimum: the lowest rate.
  public static func cosine(count: Int? = nil, minimum: Float = 0) -> LearningRateSchedule {
    LearningRateSchedule { index, initial, total in
      annealed(from: initial, to: Double(minimum), Double(index) / Double(max(1, known(count ?? total, "cosine"))))
    }
  }

  /// Half a cosine wave from the optimizer's rate down to `minimum`, again and again: each begins at the full rate, a
  /// warm restart (SGDR; Loshchilov and Hutter 2017), as PyTorch's `CosineAnnealingWarmRestarts`.
  ///
  /// - Parameters:
  ///   - count: how many epochs or steps the first wave takes.
  ///   - factor: how many times as long as the one before it each later wave is.
  ///   - minimum: the lowest rate.
  public static func cosineWithRestarts(every count: Int, factor: Int = 1, minimum: Float = 0) -> LearningRateSchedule {
    require(count > 0, "cosineWithRestarts: the count is \(count), and must be positive")
    require(factor > 0, "cosineWithRestarts: the factor is \(factor), and must be positive")
    return LearningRateSchedule { index, initial, _ in
      var (place, length) = (index, count)
      if factor == 1 { place %= count }
      while place >= length {
        place -= length
        length *= factor
      }
      return annealed(from: initial, to: Double(minimum), Double(place) / Double(length))
    }
  }

  /// One rise and one fall (Smith and Topin 2019), each half a cosine wave, counting steps: from the greatest rate over
  /// `divisor` up to it, and down to the first rate over `finalDivisor`. The momentum stays as it is.
  ///
  /// - Parameters:
  ///   - maximum: the greatest rate; nil means the optimizer's own.
  ///   - count: the number of steps; nil means to the end of training.
  ///   - rising: the part of the steps spent rising.
  ///   - divisor: the greatest rate over the first.
  ///   - finalDivisor: the first rate over the last.
  public static func oneCycle(
    maximum: Float? = nil, count: Int? = nil, rising: Float = 0.3, divisor: Float = 25, finalDivisor: Float = 1e4
  ) -> LearningRateSchedule {
    LearningRateSchedule { index, initial, total in
      let count = known(count ?? total, "oneCycle")
      let greatest = maximum.map(Double.init) ?? initial
      let first = greatest / Double(divisor)
      // Float 0.3 is not 0.3: the part is rounded to the decimals a person writes.
      let top = (Double(rising) * 1e6).rounded() / 1e6 * Double(count) - 1
      let (index, last) = (Double(index), Double(count - 1))
      if index <= top { return annealed(from: first, to: greatest, top > 0 ? index / top : 1) }
      return annealed(
        from: greatest, to: first / Double(finalDivisor), last > top ? min(1, (index - top) / (last - top)) : 1)
    }.countingSteps
  }

  /// A straight rise from `factor` times the rate to the rate itself, then another schedule, which counts from there.
  ///
  /// - Parameters:
  ///   - count: how many epochs or steps the rise takes; what `next` counts decides which.
  ///   - factor: where it starts.
  ///   - next: what comes after.
  public static func warmUp(
    count: Int, from factor: Float = 0.1, then next: LearningRateSchedule = .constant
  ) -> LearningRateSchedule {
    require(count > 0, "warmUp: the count is \(count), and must be positive")
    var schedule = LearningRateSchedule { index, initial, total in
      guard index < count else { return next.rule(index - count, initial, total.map { max(0, $0 - count) }) }
      return initial * (Double(factor) + (1 - Double(factor)) * Double(index) / Double(count))
    }
    schedule.interval = next.interval
    require(next.plateau == nil, "warmUp: a schedule that waits for a plateau cannot follow")
    return schedule
  }

  /// Multiplies the rate by `factor` when the loss has not improved for more than `patience` epochs.
  ///
  /// - Parameters:
  ///   - factor: what the rate is multiplied by.
  ///   - patience: how many epochs without improvement are let pass.
  ///   - threshold: an improvement is a loss below (1 − threshold) times the best.
  ///   - cooldown: how many epochs after a reduction are not counted.
  ///   - minimum: the lowest rate.
  public static func reduceOnPlateau(
    factor: Float = 0.1, patience: Int = 10, threshold: Float = 1e-4, cooldown: Int = 0, minimum: Float = 0
  ) -> LearningRateSchedule {
    require(factor > 0 && factor < 1, "reduceOnPlateau: the factor is \(factor), and must be inside 0…1")
    var schedule = constant
    schedule.plateau = Plateau(
      factor: Double(factor), patience: patience, threshold: Double(threshold), cooldown: cooldown,
      minimum: Double(minimum))
    return schedule
  }

  /// From one rate to another along half a cosine wave; `part` goes from 0 to 1.
  private static func annealed(from start: Double, to end: Double, _ part: Double) -> Double {
    end + (start - end) * (1 + Double.cos(.pi * part)) / 2
  }

  private static func known(_ count: Int?, _ name: String) -> Int {
    guard let count, count > 0 else { fatalError("\(name): say how many steps there are; training does not know") }
    return count
  }
}

/// The memory of a schedule that waits for the loss to stop falling.
private struct Plateau: Sendable {
  let factor: Double
  let patience: Int
  let threshold: Double
  let cooldown: Int
  let minimum: Double
  var memory = LearningRateSchedule.Memory()

  mutating func observe(_ loss: Double) {
    if loss < memory.best * (1 - threshold) {
      memory.best = loss
      memory.badEpochs = 0
    } else {
      memory.badEpochs += 1
    }
    if memory.cooling > 0 {
      memory.cooling -= 1
      memory.badEpochs = 0
    }
    if memory.badEpochs > patience {
      memory.reductions += 1
      memory.cooling = cooldown
      memory.badEpochs = 0
    }
  }

  /// The rate after the reductions so far; one of less than 1e-8 is not made.
  func rate(initial: Double) -> Double {
    (0..<memory.reductions).reduce(initial) { rate, _ in
      let reduced = max(rate * factor, minimum)
      return rate - reduced > 1e-8 ? reduced : rate
    }
  }
}
