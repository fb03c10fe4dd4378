#if HDF5
  import CHDF5
  import RefrainData
  import Synchronization

  /// libhdf5 is not to be used by two threads at once, unless it was built for that.
  private let libraryLock = Mutex(())

  /// Runs `body` while nobody else is in libhdf5, which is told to print nothing.
  private func withHDF5<Result: Sendable>(_ body: () throws(DataError) -> Result) throws(DataError) -> Result {
    try libraryLock.withLock { _ throws(DataError) in
      refrain_h5_silence()
      return try body()
    }
  }

  /// Something open in libhdf5, closed when nobody holds it.
  private final class HDF5Handle {
    let id: hid_t
    private let close: (hid_t) -> herr_t

    /// - Throws: `damagedFile` with `problem` when the library gave no identifier.
    init(
      _ id: hid_t, _ problem: @autoclosure () -> String, close: @escaping (hid_t) -> herr_t
    ) throws(DataError) {
      guard id >= 0 else { throw .damagedHDF5(problem()) }
      self.id = id
      self.close = close
    }

    deinit { _ = close(id) }
  }

  /// HDF5 of every form, by libhdf5.
  enum HDF5Library {
    /// The arrays of numbers below the group `root`, none where there is no such group, or of the whole file where it
    /// is empty.
    ///
    /// - Parameter skipped: members of the root that are passed over.
    /// - Throws: `damagedFile`, `unsupportedContent`.
    static func tree(
      _ bytes: [UInt8], below root: String, skipping skipped: Set<String> = []
    ) throws(DataError) -> HDF5Tree {
      try withHDF5 { () throws(DataError) in
        var walk = Walk(budget: 8 * bytes.count)
        let access = try memoryAccess(bytes)
        let file = try HDF5Handle(
          H5Fopen("weights.h5", refrain_h5_read_only(), access.id), "the file cannot be opened", close: H5Fclose)
        if root.isEmpty {
          // No link leads to the root.
          let group = try HDF5Handle(
            H5Oopen(file.id, "/", refrain_h5_default()), "its root cannot be opened", close: H5Oclose)
          for name in try walk.names(in: group.id, "/") where !skipped.contains(name) {
            try walk.visit(name, in: group.id, path: name, depth: 16)
          }
        } else if root != "/", H5Lexists(file.id, root, refrain_h5_default()) > 0 {
          try walk.visit(root, in: file.id, path: root, depth: 16)
        }
        return walk.tree
      }
    }

    /// How a file is opened that lies in memory; nothing reaches the disk.
    private static func memoryAccess(_ image: [UInt8]) throws(DataError) -> HDF5Handle {
      let access = try HDF5Handle(H5Pcreate(refrain_h5_file_access()), "no memory", close: H5Pclose)
      guard H5Pset_fapl_core(access.id, 1 << 16, false) >= 0 else { throw .damagedHDF5("no memory") }
      var image = image
      guard H5Pset_file_image(access.id, &image, image.count) >= 0 else {
        throw .damagedHDF5("no memory")
      }
      return access
    }
  }

  /// A walk through the groups of a file.
  private struct Walk {
    var tree = HDF5Tree()
    /// How many bytes of values may still be read.
    var budget: Int
    /// How many objects may still be visited.
    var objects = 100_000

    mutating func visit(_ name: String, in parent: hid_t, path: String, depth: Int) throws(DataError) {
      objects -= 1
      guard depth > 0, objects > 0 else { throw .damagedHDF5("there are too many groups, or they lie too deep") }
      guard refrain_h5_is_hard_link(parent, name) != 0 else {
        throw .damagedHDF5("\(path.quoted) is a link to another place")
      }
      let object = try HDF5Handle(
        H5Oopen(parent, name, refrain_h5_default()), "\(path.quoted) cannot be opened", close: H5Oclose)
      switch H5Iget_type(object.id) {
      case H5I_GROUP:
        for name in try names(in: object.id, path) {
          try visit(name, in: object.id, path: path + "/" + name, depth: depth - 1)
        }
      case H5I_DATASET: if try isOfNumbers(object.id, path) { tree.arrays[path] = try array(object.id, path) }
      // A type that arrays share.
      case H5I_DATATYPE: break
      default: throw .damagedHDF5("\(path.quoted) is neither a group nor an array")
      }
    }

    func names(in group: hid_t, _ path: String) throws(DataError) -> [String] {
      var info = H5G_info_t()
      // A name is found by counting, so that many of them in one group would take long.
      guard H5Gget_info(group, &info) >= 0, info.nlinks <= 10_000 else {
        throw .damagedHDF5("the group \(path.quoted) cannot be read")
      }
      var names: [String] = []
      for index in 0..<info.nlinks {
        var text = [CChar](repeating: 0, count: 256)
        let length = H5Lget_name_by_idx(
          group, ".", H5_INDEX_NAME, H5_ITER_INC, index, &text, text.count, refrain_h5_default())
        guard (1..<text.count).contains(length) else {
          throw .damagedHDF5("the group \(path.quoted) has a name that cannot be read")
        }
        names.append(String(decoding: text[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self))
      }
      return names
    }

    private mutating func array(_ dataset: hid_t, _ path: String) throws(DataError) -> NumericArray {
      try checkStorage(dataset, path)
      let shape = try shape(of: dataset, path)
      guard let count = elementCount(of: shape), count <= budget / MemoryLayout<Float>.size else {
        throw .damagedHDF5("\(path.quoted) has the shape \(shape), more than the file can hold")
      }
      budget -= count * MemoryLayout<Float>.size
      var values = [Float](repeating: 0, count: count)
      guard
        count == 0
          || H5Dread(
            dataset, refrain_h5_native_float(), refrain_h5_all(), refrain_h5_all(), refrain_h5_default(), &values) >= 0
      else { throw .damagedHDF5("the values of \(path.quoted) cannot be read") }
      return NumericArray(values, shape: shape)
    }

    /// Whether an array holds numbers, whole or with a fraction; others are passed over.
    private func isOfNumbers(_ dataset: hid_t, _ path: String) throws(DataError) -> Bool {
      let type = try HDF5Handle(H5Dget_type(dataset), "\(path.quoted) has no type", close: H5Tclose)
      return [H5T_FLOAT, H5T_INTEGER].contains(H5Tget_class(type.id))
    }

    /// Values must lie in this file, and have come there by filters that there are.
    private func checkStorage(_ dataset: hid_t, _ path: String) throws(DataError) {
      let creation = try HDF5Handle(H5Dget_create_plist(dataset), "\(path.quoted) has no layout", close: H5Pclose)
      let layout = H5Pget_layout(creation.id)
      guard H5Pget_external_count(creation.id) == 0, [H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED].contains(layout) else {
        throw .damagedHDF5("\(path.quoted) lies in another file")
      }
      for place in 0..<max(0, H5Pget_nfilters(creation.id)) {
        var (flags, configuration, count) = (UInt32(0), UInt32(0), 0)
        let filter = H5Pget_filter2(creation.id, UInt32(place), &flags, &count, nil, 0, nil, &configuration)
        guard filter >= 0, H5Zfilter_avail(filter) > 0 else { throw .missingHDF5Filter(Int(filter), path) }
      }
    }

    private func shape(of dataset: hid_t, _ path: String) throws(DataError) -> [Int] {
      let space = try HDF5Handle(H5Dget_space(dataset), "\(path.quoted) has no shape", close: H5Sclose)
      let rank = H5Sget_simple_extent_ndims(space.id)
      guard (0...8).contains(rank) else { throw .damagedHDF5("\(path.quoted) has \(rank) axes") }
      var extents = [hsize_t](repeating: 0, count: Int(rank))
      guard rank == 0 || H5Sget_simple_extent_dims(space.id, &extents, nil) >= 0 else {
        throw .damagedHDF5("\(path.quoted) has no shape")
      }
      var shape: [Int] = []
      for extent in extents {
        guard let extent = Int(exactly: extent) else { throw .damagedHDF5("\(path.quoted) has an axis of \(extent)") }
        shape.append(extent)
      }
      return shape
    }
  }
#endif
