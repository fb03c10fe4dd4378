import Refrain

/// A cell of a test's own, of which only the step matters: it has one weight, W `[H, I]`, by which the input goes in.
public protocol OneWeightCell: RecurrentCell {
  /// W, `[H, I]`
  var weight: Tensor { get set }

  init(weight: Tensor)
}

extension OneWeightCell {
  public static var source: String { "of the test's own" }

  public init(inputSize: Int, hiddenSize: Int, using generator: inout RandomGenerator) {
    self.init(weight: .normal([hiddenSize, inputSize], using: &generator))
  }

  public var inputSize: Int { weight.shape[1] }
  public var hiddenSize: Int { weight.shape[0] }

  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }

  public func project(_ input: Tensor) -> Tensor { input.matrixProduct(weight, transposingOther: true) }
}
