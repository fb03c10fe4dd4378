/// What a pickle may hold, as far as tensors need it.
///
/// Everything that contains other values is an index into a ``Pickle``'s arena: a value refers to no object, so that no
/// nesting, sharing or cycle in a file can make a recursion of ours.
enum PickleValue {
  case none
  case boolean(Bool)
  case integer(Int)
  case real(Double)
  /// An index into ``Pickle/texts``.
  case text(Int)
  /// An index into ``Pickle/lists``: a list, a tuple or a set.
  case list(Int)
  /// An index into ``Pickle/dictionaries``.
  case dictionary(Int)
  case global(PickleGlobal)
  /// A class or function that is known by name alone: an index into ``Pickle/texts``.
  case named(Int)
  /// An index into ``Pickle/objects``.
  case object(Int)
  /// An index into ``Pickle/storages``.
  case storage(Int)
  /// An index into ``Pickle/tensors``.
  case tensor(Int)
  /// Something harmless that no tensor is made of: bytes, a device, a number beyond 64 bits.
  case opaque
}

/// The names from Python modules that a file may mention. Each stands for something that is done here; no code of a
/// file, and none that it names, ever runs.
enum PickleGlobal: String, CaseIterable {
  case orderedDictionary = "collections.OrderedDict"
  case defaultDictionary = "collections.defaultdict"
  case dictionary = "builtins.dict"
  case list = "builtins.list"
  case set = "builtins.set"
  case integer = "builtins.int"
  case encode = "_codecs.encode"
  case size = "torch.Size"
  case device = "torch.device"
  case tensorType = "torch.Tensor"
  case tensorModule = "torch._tensor.Tensor"
  case parameterType = "torch.nn.parameter.Parameter"
  case bufferType = "torch.nn.parameter.Buffer"
  case rebuildTensor = "torch._utils._rebuild_tensor"
  case rebuildTensor2 = "torch._utils._rebuild_tensor_v2"
  case rebuildParameter = "torch._utils._rebuild_parameter"
  case rebuildParameterWithState = "torch._utils._rebuild_parameter_with_state"
  case rebuildFromType = "torch._tensor._rebuild_from_type_v2"
  case boolStorage = "torch.BoolStorage"
  case byteStorage = "torch.ByteStorage"
  case charStorage = "torch.CharStorage"
  case shortStorage = "torch.ShortStorage"
  case intStorage = "torch.IntStorage"
  case longStorage = "torch.LongStorage"
  case halfStorage = "torch.HalfStorage"
  case brainStorage = "torch.BFloat16Storage"
  case floatStorage = "torch.FloatStorage"
  case doubleStorage = "torch.DoubleStorage"
  case complexFloatStorage = "torch.ComplexFloatStorage"
  case quantizedByteStorage = "torch.QUInt8Storage"
  case quantizedCharStorage = "torch.QInt8Storage"
  case quantizedIntStorage = "torch.QInt32Storage"
  case rebuildTensor3 = "torch._utils._rebuild_tensor_v3"
  case buildIntegerList = "torch.jit._pickle.build_intlist"
  case buildTensorList = "torch.jit._pickle.build_tensorlist"
  case buildDoubleList = "torch.jit._pickle.build_doublelist"
  case buildBoolList = "torch.jit._pickle.build_boollist"
  case restoreTypeTag = "torch.jit._pickle.restore_type_tag"
  case complexDoubleStorage = "torch.ComplexDoubleStorage"
  case untypedStorage = "torch.storage.UntypedStorage"
  case typedStorage = "torch.storage.TypedStorage"
  /// A type of elements, such as `torch.float32`.
  case elementType = "torch.dtype"

  private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
  private static let elementTypes: Set<String> = [
    "float16", "bfloat16", "float32", "float64", "float", "double", "half", "int8", "int16", "int32", "int64", "uint8",
    "bool", "complex64", "complex128", "short", "long", "int", "quint8", "qint8", "qint32",
    "float8_e4m3fn", "float8_e5m2",
  ]

  /// The name that `module` has, or nil if a file has no business with it.
  init?(module: String, name: String) {
    // Protocol 2 spells the module as Python 2 did.
    let module = module == "__builtin__" ? "builtins" : module
    if module == "torch", Self.elementTypes.contains(name) {
      self = .elementType
    } else if let known = Self.byName[module + "." + name] {
      self = known
    } else {
      return nil
    }
  }

  /// Modules whose functions no model needs: a file that names one of them is up to something.
  private static let suspicious: Set<String> = [
    "builtins", "__builtin__", "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "runpy", "importlib",
    "pty",
    "commands", "ctypes", "code", "codeop", "webbrowser", "pickle", "marshal", "types", "asyncio", "multiprocessing",
    "operator", "timeit", "pdb", "bdb", "platform", "tempfile", "requests", "urllib",
  ]

  /// Types of Python's own that hold values and do nothing.
  private static let plainTypes: Set<String> = [
    "object", "bytearray", "frozenset", "complex", "slice", "range", "bytes", "str", "float", "bool", "tuple",
  ]

  /// Whether a name may stand in a file, though nothing is done for it.
  static func isHarmless(module: String, name: String) -> Bool {
    if module == "builtins" || module == "__builtin__" { return plainTypes.contains(name) }
    let package = String(module.prefix { $0 != "." })
    // Of these a file may name classes, and the few functions that stand for what a pickle cannot hold.
    if ["torch", "collections", "functools"].contains(package) {
      return name.first?.isUppercase == true || harmlessFunctions.contains(name)
    }
    return !suspicious.contains(package) && !name.hasPrefix("__")
  }

  private static let harmlessFunctions: Set<String> = [
    "_get_thnn_function_backend", "_get_layout", "uint16", "uint32", "uint64", "contiguous_format", "preserve_format",
    "channels_last", "strided",
  ]

  /// Whether this is the type of a storage.
  var isStorage: Bool { rawValue.hasSuffix("Storage") }
}

/// Where a tensor's elements lie: a file of the archive.
struct PickleStorage {
  /// The type of the elements, such as `torch.FloatStorage`.
  var type: PickleGlobal
  /// The name of the file.
  var key: String
  /// The number of elements.
  var count: Int
}

/// A view of a storage.
struct PickleTensor {
  /// An index into ``Pickle/storages``.
  var storage: Int
  /// The first element.
  var offset: Int
  /// The extents.
  var shape: [Int]
  /// How far apart the elements of each axis lie.
  var strides: [Int]
  /// The type of its elements where the storage does not say it, such as `torch.uint16`: an index into
  /// ``Pickle/texts``.
  var type: Int?
}

/// Something of a class that is known by name alone: its code, wherever that is, is never run.
struct PickleObject {
  /// The class, such as `torch.nn.modules.rnn.LSTM`: an index into ``Pickle/texts``.
  var className: Int
  /// The attributes that it was given, a dictionary as a rule.
  var state = PickleValue.none
  /// Keys and values in turn, of an object that is a dictionary.
  var items: [PickleValue] = []
}

/// The value of a pickle, and what it refers to.
struct Pickle {
  var root = PickleValue.none
  var texts: [String] = []
  var lists: [[PickleValue]] = []
  /// Keys and values in turn.
  var dictionaries: [[PickleValue]] = []
  var storages: [PickleStorage] = []
  var tensors: [PickleTensor] = []
  var objects: [PickleObject] = []
}
