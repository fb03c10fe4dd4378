/// A module that names its parts in place of writing its walk:
///
///     struct Tagger: ModuleOfParts {
///       var words = Embedding(vocabulary: 5000, size: 64)
///       var lstm = LSTM(inputSize: 64, hiddenSize: 128, returning: .everyStep)
///       var head = Dense(inputSize: 128, outputSize: 9)
///
///       static let parts: [Part<Self>] = [Part("words", \.words), Part("lstm", \.lstm), Part("head", \.head)]
///     }
///
/// A part that is forgotten is found when training begins (``Fixed`` marks one that is not to be learned). A walk over
/// key paths costs about 0.1 µs a part more than one written by hand, of which a training step has half a dozen:
/// nothing beside the step. (A macro that writes the walk would cost every package that uses this one the building of
/// swift-syntax.)
public protocol ModuleOfParts: Module {
  /// The parts, in the order and under the names used in saved files.
  static var parts: [Part<Self>] { get }
}

extension ModuleOfParts {
  public mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    for part in Self.parts { try part.path.visit(&self, under: part.name, body) }
  }
}

/// A part of a ``ModuleOfParts``: a tensor, a layer, a module, or a list of them.
public struct Part<Root>: Sendable {
  let name: String
  let path: any PartPath<Root>

  /// The part at a property, under the name that it has in saved files.
  public init<Value: TensorGroup>(_ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable) {
    self.name = name
    self.path = KeyPathPart(path: path)
  }
}

/// Where a part is, whatever its type.
protocol PartPath<Root>: Sendable {
  associatedtype Root
  func visit<E: Error>(
    _ root: inout Root, under name: String, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E)
}

private struct KeyPathPart<Root, Value: TensorGroup>: PartPath {
  let path: any WritableKeyPath<Root, Value> & Sendable

  func visit<E: Error>(
    _ root: inout Root, under name: String, _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) {
    try root[keyPath: path].forEachTensor(under: name, body)
  }
}

/// A part of a module that is meant to be left out of its walk: neither learned nor saved.
///
///     @Fixed var positions: Tensor
@propertyWrapper
public struct Fixed<Value: Sendable>: Sendable {
  /// The part.
  public var wrappedValue: Value

  /// A part with a value.
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

/// A part of a module that has tensors which are not its own to learn.
protocol LeftOut {}
extension Fixed: LeftOut {}

extension TensorGroup {
  /// The stored tensors of the value and its parts that its walk does not visit, by the names of their properties.
  var tensorsLeftOut: [String] {
    let visited = Set(tensors.map { ObjectIdentifier($0.storage) })
    var found: [String] = []
    func look(at value: Any, _ path: String) {
      if let tensor = value as? Tensor {
        if tensor.count > 0, !visited.contains(ObjectIdentifier(tensor.storage)) { found.append(path) }
        return
      }
      if value is any LeftOut { return }
      let mirror = Mirror(reflecting: value)
      switch mirror.displayStyle {
      case .class, .foreignReference: return
      case .collection, .dictionary, .set:
        // Lists of numbers may be long.
        if let first = mirror.children.first?.value, !(first is Tensor), Mirror(reflecting: first).children.isEmpty {
          return
        }
      default: break
      }
      for (index, child) in mirror.children.enumerated() {
        let isOptional = mirror.displayStyle == .optional
        let name = child.label ?? "\(index)"
        look(at: child.value, isOptional ? path : path.isEmpty ? name : path + "." + name)
      }
    }
    look(at: self, "")
    return found
  }

  /// Stops where a part would be left out of training without anybody noticing.
  func requireWholeWalk() {
    let left = tensorsLeftOut
    require(
      left.isEmpty,
      """
      \(Self.self): '\(left.first ?? "")' is not visited by forEachTensor, so it would be neither trained nor saved; \
      name it there (or among the parts), or mark it @Fixed
      """)
  }
}
