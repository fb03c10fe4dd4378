/// An array under its name: an entry of a `SafeTensorsFile`, or of a state dictionary.
public struct NamedArray: Hashable, Sendable {
  /// The name, such as `lstm.weight_ih_l0`.
  public var name: String
  /// The type, the shape and the elements.
  public var array: NumericArray

  /// An array under a name.
  public init(name: String, array: NumericArray) {
    self.name = name
    self.array = array
  }

  /// Floats, which must fill the shape, under a name.
  public init(name: String, shape: [Int], values: [Float]) {
    self.init(name: name, array: NumericArray(values, shape: shape))
  }

  /// The extents, outermost first; empty for a single number.
  public var shape: [Int] { array.shape }
  /// The elements, row-major, each as the nearest Float.
  public var values: [Float] { array.values.floats }
}
