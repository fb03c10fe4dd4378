#include <hdf5.h>

// What libhdf5 has as macros that do not reach Swift, or under names that differ from version to version.

static inline hid_t refrain_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t refrain_h5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t refrain_h5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t refrain_h5_all(void) { return H5S_ALL; }
static inline unsigned refrain_h5_read_only(void) { return H5F_ACC_RDONLY; }

// The library prints its errors unless it is told not to.
static inline void refrain_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

// Whether the link is one to an object of this same file, and not to another path or another file.
static inline int refrain_h5_is_hard_link(hid_t group, const char *name) {
  H5L_info_t info;
  return H5Lget_info(group, name, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}
