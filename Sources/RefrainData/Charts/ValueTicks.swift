import RefrainFoundation

/// A span of values to draw, and round numbers within it.
struct ValueTicks: Hashable, Sendable {
  /// What the axis spans: the values and a little room above and below.
  let range: ClosedRange<Double>
  /// Round numbers in the range, from the lowest, evenly spaced.
  let values: [Double]
  /// What to write at each: as many decimals as the step needs.
  let labels: [String]

  /// Ticks 1, 2 or 5 times a power of ten apart.
  ///
  /// - Parameter limit: The most ticks, unless fewer than two would be left.
  init(covering span: ClosedRange<Double>, atMost limit: Int) {
    let range = Self.widened(span)
    // Halved before they are subtracted: the largest Doubles are too far apart.
    let half = range.upperBound / 2 - range.lowerBound / 2
    var step = Step(about: min(half, .greatestFiniteMagnitude / 2) * 2)
    while step.multiples(in: range).count < 2 || step.smaller.multiples(in: range).count <= limit {
      step = step.smaller
    }
    let multiples = step.multiples(in: range)
    self.range = range
    values = multiples.map { Double($0) * step.size }
    let largest = max(abs(range.lowerBound), abs(range.upperBound))
    // Ticks that differ after the seventh digit only are written out.
    let isLong = largest >= 1e9 && (largest >= 1e15 || largest / step.size < 1e7) || step.exponent < -6
    let (size, decimals) = (step.size, max(0, -step.exponent))
    labels = values.map { isLong ? scientific($0, step: size) : fixed($0, decimals: decimals) }
  }

  /// The span with a twentieth of it on either side, but not across zero; around a single value, a tenth of that.
  private static func widened(_ span: ClosedRange<Double>) -> ClosedRange<Double> {
    let (low, high) = (span.lowerBound, span.upperBound)
    let size = high / 20 - low / 20
    // Ticks closer together than this could not be told from each other.
    let least = max(max(abs(low), abs(high)) * 1e-13, 1e-300)
    let margin = size > least ? size : max(abs(low) / 10, low == 0 ? 1 : least)
    let lower = low >= 0 && size > least ? max(0, low - margin) : low - margin
    let upper = high <= 0 && size > least ? min(0, high + margin) : high + margin
    return max(lower, -.greatestFiniteMagnitude)...min(upper, .greatestFiniteMagnitude)
  }

  /// 1, 2 or 5 times a power of ten.
  private struct Step {
    var digit: Int
    var exponent: Int

    /// A step of at least half of a size: too large to leave many multiples.
    init(about size: Double) {
      digit = 5
      exponent = max(Int(log10(size).rounded(.down)), -305)
    }

    private init(digit: Int, exponent: Int) {
      self.digit = digit
      self.exponent = exponent
    }

    var size: Double {
      // Divided by a whole power of ten, a decimal fraction is rounded once.
      exponent < 0 ? Double(digit) / pow(10, Double(-exponent)) : Double(digit) * pow(10, Double(exponent))
    }

    /// The next smaller step.
    var smaller: Step {
      switch digit {
      case 5: Step(digit: 2, exponent: exponent)
      case 2: Step(digit: 1, exponent: exponent)
      default: Step(digit: 5, exponent: exponent - 1)
      }
    }

    /// The whole numbers whose multiples of the step lie in the range.
    func multiples(in range: ClosedRange<Double>) -> ClosedRange<Int>.SubSequence {
      let first = Int((range.lowerBound / size).rounded(.up))
      let last = Int((range.upperBound / size).rounded(.down))
      return (first...max(first, last)).prefix(max(0, last - first + 1))
    }
  }
}

/// A number with a power of ten, and the decimals that a step between such numbers needs: `1.5e9`.
private func scientific(_ value: Double, step: Double) -> String {
  if value == 0 || abs(value) < step / 2 { return "0" }
  let decimals = max(0, Int(log10(abs(value)).rounded(.down)) - Int(log10(step).rounded(.down)))
  let text = written(value, .scientific, digits: min(decimals, 6))
  let parts = text.split(separator: "e")
  return "\(parts[0])e\(Int(parts[1]) ?? 0)"
}
