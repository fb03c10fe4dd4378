import RefrainData

/// The types of numbers under the names that the Open Inference Protocol has for them.
enum Datatype {
  private static let names: [(name: String, type: ElementType)] = [
    ("BOOL", .bool), ("UINT8", .uint8), ("UINT16", .uint16), ("UINT32", .uint32), ("INT8", .int8), ("INT16", .int16),
    ("INT32", .int32), ("INT64", .int64), ("FP16", .float16), ("BF16", .bfloat16), ("FP32", .float32),
    ("FP64", .float64),
  ]

  /// The type of a name.
  ///
  /// - Throws: 400 for a name that is none, or one of a type that is not known.
  static func type(_ name: String, of tensor: String) throws(Failure) -> ElementType {
    if let found = names.first(where: { $0.name == name }) { return found.type }
    throw Failure(
      400,
      "the input \(tensor.quoted) has the datatype \(name.quoted); there are "
        + names.map(\.name).joined(separator: ", "))
  }

  /// The name of a type.
  static func name(_ type: ElementType) -> String { names.first { $0.type == type }?.name ?? "FP32" }
}
