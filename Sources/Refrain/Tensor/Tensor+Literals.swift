/// Numbers in brackets are a vector, brackets in brackets a matrix, and so on: `let x: Tensor = [[1, 2], [3, 4]]`.
extension Tensor: ExpressibleByArrayLiteral {
  /// A number, or a list of such elements, as it is written in a literal.
  public struct LiteralElement: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    fileprivate let shape: [Int]
    fileprivate let values: [Float]

    /// A number.
    public init(floatLiteral value: Float) { (shape, values) = ([], [value]) }

    /// A whole number.
    public init(integerLiteral value: Int) { (shape, values) = ([], [Float(value)]) }

    /// A list of elements of one shape.
    public init(arrayLiteral elements: LiteralElement...) {
      let inner = elements.first?.shape ?? []
      require(
        elements.allSatisfy { $0.shape == inner },
        "the elements of a tensor's literal differ in shape: \(elements.map(\.shape))")
      shape = [elements.count] + inner
      values = elements.flatMap(\.values)
    }
  }

  /// A tensor as it is written.
  public init(arrayLiteral elements: LiteralElement...) {
    // One more pair of brackets, which the shape does not show.
    let outer = elements.first?.shape ?? []
    require(
      elements.allSatisfy { $0.shape == outer },
      "the elements of a tensor's literal differ in shape: \(elements.map(\.shape))")
    self.init(elements.flatMap(\.values), shape: [elements.count] + outer)
  }
}
