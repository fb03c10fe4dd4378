import Refrain
import Testing

/// How far two tensors may lie apart, |Δ| ≤ relative · scale + absolute.
public struct Tolerance: Sendable {
  var relative: Float
  var absolute: Float
  /// Whether the scale is each expected value's own magnitude, or the greatest magnitude in the tensor.
  var isElementwise: Bool
  /// The scale is no less than this.
  var leastScale: Float
  /// Whether a scalar may stand for a tensor of one element, as fixtures have no rank 0.
  var takesScalars: Bool

  /// Relative to the greatest magnitude of the tensor, or to each element's own.
  public init(
    relative: Float = 1e-5, absolute: Float = 1e-6, isElementwise: Bool = false, leastScale: Float = 0,
    takesScalars: Bool = true
  ) {
    self.relative = relative
    self.absolute = absolute
    self.isElementwise = isElementwise
    self.leastScale = leastScale
    self.takesScalars = takesScalars
  }

  /// For parity with the fixtures: relative to the greatest element.
  public static let parity = Tolerance()
  /// Relative to each element alone.
  public static let elementwise = Tolerance(isElementwise: true)
}

/// Expects the same shape and nearly the same values, and says where they differ most. What is not a number is never
/// close.
public func expectClose(
  _ actual: Tensor, _ expected: Tensor, _ what: @autoclosure () -> String = "the tensor",
  within tolerance: Tolerance = .parity, sourceLocation: SourceLocation = #_sourceLocation
) {
  let isScalar = tolerance.takesScalars && actual.rank == 0 && expected.shape == [1]
  guard actual.shape == expected.shape || isScalar else {
    Issue.record("\(what()) has shape \(actual.shape), not \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  let (found, wanted) = (actual.values, expected.values)
  let greatest = wanted.reduce(0) { max($0, $1.magnitude) }
  func excess(_ index: Int) -> Float {
    let difference = (found[index] - wanted[index]).magnitude
    let scale = max(tolerance.isElementwise ? wanted[index].magnitude : greatest, tolerance.leastScale)
    let ratio = difference / (tolerance.relative * scale + tolerance.absolute)
    return ratio.isNaN ? .infinity : ratio
  }
  guard let worst = found.indices.max(by: { excess($0) < excess($1) }), excess(worst) > 1 else { return }
  let wrong = found.indices.count { excess($0) > 1 }
  Issue.record(
    """
    \(what()) at \(place(worst, in: actual.shape)) is \(found[worst]), not \(wanted[worst]): \(excess(worst)) times the \
    tolerance; \(wrong) of \(found.count) values are wrong, the greatest is \(greatest)
    """, sourceLocation: sourceLocation)
}

/// Expects two groups of the same names, shapes and nearly the same values.
public func expectClose<Group: TensorGroup>(
  _ actual: Group, _ expected: Group, _ what: @autoclosure () -> String = "the tensor",
  within tolerance: Tolerance = .parity, sourceLocation: SourceLocation = #_sourceLocation
) {
  let (found, wanted) = (actual.namedTensors, expected.namedTensors)
  #expect(found.map(\.name) == wanted.map(\.name), sourceLocation: sourceLocation)
  for (one, other) in zip(found, wanted) {
    expectClose(
      one.tensor, other.tensor, "\(what()) \(one.name)", within: tolerance, sourceLocation: sourceLocation)
  }
}

/// Expects the same shape and the same bits, those of values that are not a number as well.
public func expectSameBits(
  _ actual: Tensor, _ expected: Tensor, _ what: @autoclosure () -> String = "the tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.shape == expected.shape else {
    Issue.record("\(what()) has shape \(actual.shape), not \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  let (found, wanted) = (actual.values, expected.values)
  guard let first = found.indices.first(where: { found[$0].bitPattern != wanted[$0].bitPattern }) else { return }
  Issue.record(
    "\(what()) at \(place(first, in: actual.shape)) is \(found[first]), not exactly \(wanted[first])",
    sourceLocation: sourceLocation)
}

/// Expects two groups of the same bits.
public func expectSameBits<Group: TensorGroup>(
  _ actual: Group, _ expected: Group, _ what: @autoclosure () -> String = "the tensor",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.namedTensors.map(\.name) == expected.namedTensors.map(\.name), sourceLocation: sourceLocation)
  for (one, other) in zip(actual.namedTensors, expected.namedTensors) {
    expectSameBits(one.tensor, other.tensor, "\(what()) \(one.name)", sourceLocation: sourceLocation)
  }
}

/// The index along each axis of an element counted in row-major order.
public func place(_ element: Int, in shape: [Int]) -> [Int] {
  var rest = element
  var indices: [Int] = []
  for size in shape.reversed() {
    indices.insert(rest % size, at: 0)
    rest /= size
  }
  return indices
}
