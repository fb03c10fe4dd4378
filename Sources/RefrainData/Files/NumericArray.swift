/// Numbers of one type in a shape, as files hold them: what a tensor is outside of a computation.
public struct NumericArray: Hashable, Sendable {
  /// The numbers, row-major. Whole numbers stay whole: an index or a length beyond 2²⁴ is no Float.
  public enum Values: Hashable, Sendable {
    /// Numbers of a floating-point type.
    case floats([Float])
    /// Whole numbers.
    case integers([Int])
    /// Truth values.
    case booleans([Bool])

    /// How many there are.
    public var count: Int {
      switch self {
      case .floats(let values): values.count
      case .integers(let values): values.count
      case .booleans(let values): values.count
      }
    }

    /// The values, each as the nearest Float; true is 1.
    public var floats: [Float] {
      switch self {
      case .floats(let values): values
      case .integers(let values): values.map(Float.init)
      case .booleans(let values): values.map { $0 ? 1 : 0 }
      }
    }
  }

  /// The type of an element where it came from, and where it goes to.
  public var type: ElementType
  /// The extents, outermost first; empty for a single number.
  public var shape: [Int]
  /// As many as the product of the shape.
  public var values: Values

  /// An array of the given type. `values` must fill the shape and be of the kind that the type calls for.
  public init(type: ElementType, shape: [Int], values: Values) {
    precondition(elementCount(of: shape) == values.count, "\(values.count) values do not fill \(shape)")
    self.type = type
    self.shape = shape
    self.values = values
  }

  /// An array of Floats.
  public init(_ values: [Float], shape: [Int]) { self.init(type: .float32, shape: shape, values: .floats(values)) }

  /// An array of 64-bit integers.
  public init(_ values: [Int], shape: [Int]) { self.init(type: .int64, shape: shape, values: .integers(values)) }
}
