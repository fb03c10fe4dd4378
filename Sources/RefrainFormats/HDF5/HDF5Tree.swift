import RefrainData

/// Named arrays in an HDF5 file, under paths such as `layers/lstm/cell/vars/0`, and the attributes of groups and
/// arrays.
///
/// Written is the first format of HDF5, as h5py writes it unless told otherwise, and Keras with it; read are all
/// formats: see ``HDF5Reader``. What is left (lists of chunks that grow, uncommon compressions) is for libhdf5, where
/// the package is built with its trait `HDF5`. That library is not made for files one does not trust: of damaged ones,
/// about one in seven thousand brings it down.
struct HDF5Tree: Equatable {
  /// The arrays by their paths from the root, without a slash at the front.
  var arrays: [String: NumericArray] = [:]
  /// The attributes by the path of what they belong to; the root's is empty.
  var attributes: [String: [String: HDF5Attribute]] = [:]

  /// What a file begins with.
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// A tree of these arrays.
  init(arrays: [String: NumericArray] = [:]) { self.arrays = arrays }

  /// Reads the arrays below the group `root`, none where there is no such group, or of the whole file where it is
  /// empty; and the attributes, of the root too.
  ///
  /// Links to other paths and to other files are not followed. All arrays together may be eight times as large as the
  /// file.
  ///
  /// - Parameter skipped: members of the root that are passed over, such as an optimizer's moments.
  /// - Throws: `wrongFormat` when the bytes are no HDF5, `damagedFile`, `unsupportedContent`.
  init(bytes: [UInt8], below root: String, skipping skipped: Set<String> = []) throws(DataError) {
    guard bytes.starts(with: Self.signature) else {
      throw DataError(.wrongFormat, "these are no HDF5 weights", remedy: "name a file that Keras 3 has saved")
    }
    do throws(DataError) {
      self = try HDF5Reader.tree(bytes, below: root, skipping: skipped)
    } catch {
      #if HDF5
        guard error.code == .unsupportedContent else { throw error }
        // Arrays alone are read by the library, and attributes here.
        let known = try? HDF5Reader.tree(bytes, below: root, skipping: skipped, withArrays: false)
        self = try HDF5Library.tree(bytes, below: root, skipping: skipped)
        attributes = known?.attributes ?? [:]
      #else
        throw error
      #endif
    }
  }
}

extension DataError {
  static func damagedHDF5(_ problem: String) -> DataError {
    DataError(.damagedFile, "the HDF5 weights: \(problem)", remedy: "save the model again")
  }

  /// An array went through a filter that there is not.
  static func missingHDF5Filter(_ id: Int, _ path: String) -> DataError {
    DataError(
      .unsupportedContent, "the HDF5 weights: \(path.quoted) \(HDF5Filter.title(id)), which is not read",
      remedy: "save the model again with gzip, or without compression")
  }

  static func unsupportedHDF5(_ problem: String) -> DataError {
    DataError(
      .unsupportedContent, "the HDF5 weights: \(problem), which is for libhdf5 to read",
      remedy: "build with: swift build -c release --traits HDF5, after installing libhdf5-dev (apt) or hdf5 (brew)")
  }
}
