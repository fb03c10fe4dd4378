/// A layer that does not fit its input.
public struct LayerError: Error, CustomStringConvertible, Sendable {
  /// One line: which layer, and what does not fit.
  public let description: String
  /// An error that says `description`.
  public init(_ description: String) { self.description = description }
}

/// The last size of a shape, which a layer needs to know.
func features(of shape: [Int?], for layer: String) throws(LayerError) -> Int {
  guard shape.count >= 2, let size = shape[shape.count - 1], size > 0 else {
    throw LayerError("\(layer): the input of shape \(shapeText(shape)) has no known size; give Sequential an inputSize")
  }
  return size
}

/// A size of a layer, which must be positive.
func check(_ size: Int, _ name: String, of layer: String) throws(LayerError) {
  guard size > 0, size <= 1 << 28 else { throw LayerError("\(layer): \(name) is \(size), and must be positive") }
}

/// A shape as text: the batch is B, a time not known T.
func shapeText(_ shape: [Int?]) -> String {
  let parts = shape.enumerated().map { axis, size in size.map(String.init) ?? (axis == 0 ? "B" : "T") }
  return "[" + parts.joined(separator: ", ") + "]"
}
