import RefrainData
import Testing

@testable import Refrain

/// The tensors of one file in `Tests/Fixtures`, by name. `Tests/Fixtures/README.md` lists the names and says how the
/// numbers were made.
struct Fixture: Sendable {
  private let file: String
  private let prefix: String
  private let tensors: [String: Tensor]

  /// Reads `Tests/Fixtures/<name>.safetensors`.
  init(_ name: String, source: String = #filePath) throws {
    let tests = source[..<(source.range(of: "/RefrainTests/")?.lowerBound ?? source.endIndex)]
    let contents = try SafeTensorsFile(contentsOf: "\(tests)/Fixtures/\(name).safetensors")
    file = name
    prefix = ""
    tensors = Dictionary(
      uniqueKeysWithValues: contents.tensors.map { ($0.name, Tensor($0.values, shape: $0.shape)) })
  }

  private init(_ other: Fixture, prefix: String) {
    file = other.file
    tensors = other.tensors
    self.prefix = prefix
  }

  /// The tensors whose names begin with `name` and a dot.
  func under(_ name: String) -> Fixture { Fixture(self, prefix: prefix + name + ".") }

  /// The tensor of this name, which must be there.
  func callAsFunction(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Tensor {
    try #require(
      tensors[prefix + name], "\(file).safetensors has no tensor '\(prefix)\(name)'", sourceLocation: sourceLocation)
  }

  /// The tensor of this name as whole numbers: lengths, classes, indices.
  func integers(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [Int] {
    try self(name, sourceLocation: sourceLocation).values.map { Int($0) }
  }

  /// Whether there is a tensor of this name.
  func has(_ name: String) -> Bool { tensors[prefix + name] != nil }

  /// The names, without the prefix, in alphabetical order.
  var names: [String] {
    tensors.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
  }
}

extension TensorGroup {
  /// The group with every tensor replaced by the fixture's of the same name, which must have the same shape.
  func filled(
    from fixture: Fixture, naming rename: (String) -> String = { $0 },
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Self {
    var copy = self
    try copy.forEachTensor { (name: String, tensor: inout Tensor) throws in
      let found = try fixture(rename(name), sourceLocation: sourceLocation)
      try #require(found.shape == tensor.shape, "the shape of '\(name)'", sourceLocation: sourceLocation)
      tensor = found
    }
    return copy
  }
}
